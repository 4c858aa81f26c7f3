#include "faults/fault_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace deimos::fake {

std::string group_text(const std::vector<NodeId>& group) {
  std::string text = "{";
  for (const NodeId node : group) text.append(text.size() == 1 ? "" : ", ").append(std::to_string(node));
  return text + "}";
}

std::string duration_text(std::chrono::nanoseconds duration) {
  const std::uint64_t count = duration.count() < 0 ? 0 - static_cast<std::uint64_t>(duration.count())
                                                   : static_cast<std::uint64_t>(duration.count());
  std::string text = duration.count() < 0 ? "-" : "";
  std::uint64_t unit = 1'000'000'000;
  const char* name = "s";
  if (count != 0 && count < 1'000) {
    unit = 1;
    name = "ns";
  } else if (count != 0 && count < 1'000'000) {
    unit = 1'000;
    name = "us";
  } else if (count != 0 && count < 1'000'000'000) {
    unit = 1'000'000;
    name = "ms";
  }
  text += std::to_string(count / unit);
  if (std::uint64_t rest = count % unit; rest != 0) {
    std::string digits = std::to_string(unit + rest).substr(1);
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text + name;
}

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 6> units{{{"h", 3'600'000'000'000},
                                                                             {"min", 60'000'000'000},
                                                                             {"s", 1'000'000'000},
                                                                             {"ms", 1'000'000},
                                                                             {"us", 1'000},
                                                                             {"ns", 1}}};
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const std::string_view number = text.substr(0, text.find_first_not_of("0123456789."));
  const auto* const unit = std::find_if(units.begin(), units.end(),
                                        [&](const auto& known) { return text.substr(number.size()) == known.first; });
  const std::string_view whole = number.substr(0, number.find('.'));
  const std::string_view fraction = number.substr(std::min(number.size(), whole.size() + 1));
  if (unit == units.end() || whole.empty() || (whole.size() < number.size() && fraction.empty())) return std::nullopt;

  constexpr auto most = static_cast<std::uint64_t>(std::chrono::nanoseconds::max().count());
  std::uint64_t count = 0;
  for (const char digit : whole) {
    if (count > (most / unit->second) / 10) return std::nullopt;
    count = count * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  if (count > most / unit->second) return std::nullopt;
  count *= unit->second;
  std::uint64_t place = unit->second;
  for (const char digit : fraction) {
    const auto value = static_cast<std::uint64_t>(digit - '0');
    if (digit == '.' || (place % 10 != 0 && value != 0)) return std::nullopt;  // Finer than a nanosecond.
    place /= 10;
    count += value * place;
  }
  if (count > most) return std::nullopt;
  return std::chrono::nanoseconds(negative ? -static_cast<std::int64_t>(count) : static_cast<std::int64_t>(count));
}

std::string signed_duration_text(std::chrono::nanoseconds duration) {
  return (duration.count() >= 0 ? "+" : "") + duration_text(duration);
}

std::string range_text(std::chrono::nanoseconds least, std::chrono::nanoseconds most) {
  return least == most ? duration_text(least) : duration_text(least) + " to " + duration_text(most);
}

std::string number_text(double number) {
  std::array<char, 32> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr};
}

}  // namespace deimos::fake

#include <deimos/internal/duration_text.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace deimos::internal {

std::string duration_text(std::chrono::nanoseconds duration) {
  const std::int64_t count = duration.count();
  if (count % 1'000'000'000 == 0) return std::to_string(count / 1'000'000'000) + "s";
  if (count % 1'000'000 == 0) return std::to_string(count / 1'000'000) + "ms";
  if (count % 1'000 == 0) return std::to_string(count / 1'000) + "us";
  return std::to_string(count) + "ns";
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

}  // namespace deimos::internal

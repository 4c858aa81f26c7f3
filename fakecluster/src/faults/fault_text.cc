#include "faults/fault_text.h"

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

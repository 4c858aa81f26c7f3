// What is said of an option that breaks its rule: the rule, then the value. Not part of the public interface.
#pragma once

#include <chrono>
#include <concepts>
#include <sstream>
#include <string>
#include <string_view>

#include <deimos/internal/duration_text.h>

namespace deimos::internal {

/// `wait must not be negative, but is -5s`. `rule` names the option.
[[nodiscard]] inline std::string broken_rule(std::string_view rule, std::string_view value) {
  return std::string(rule).append(", but is ").append(value);
}

template <typename Rep, typename Period>
[[nodiscard]] std::string broken_rule(std::string_view rule, std::chrono::duration<Rep, Period> value) {
  return broken_rule(rule, duration_text(value));
}

template <typename Number>
  requires std::integral<Number> || std::floating_point<Number>
[[nodiscard]] std::string broken_rule(std::string_view rule, Number value) {
  std::ostringstream text;
  text << value;
  return broken_rule(rule, text.str());
}

}  // namespace deimos::internal

// Durations for people and for C++ alike. Not part of the public interface.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <deimos/internal/export.h>

namespace deimos::internal {

/// `1500ms`: in the largest of s, ms, us and ns that shows it without a fraction.
[[nodiscard]] DEIMOS_EXPORT std::string duration_text(std::chrono::nanoseconds duration);

/// `1.5s`, `-250ms`, `+3us`, `7ns`, `2min`, `1h`: exact; nothing if it is anything else, or finer than a nanosecond.
[[nodiscard]] DEIMOS_EXPORT std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace deimos::internal

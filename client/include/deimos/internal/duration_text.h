// Durations for people and for C++ alike. Not part of the public interface.
#pragma once

#include <chrono>
#include <string>

#include <deimos/internal/export.h>

namespace deimos::internal {

/// `1500ms`: in the largest of s, ms, us and ns that shows it without a fraction.
[[nodiscard]] DEIMOS_EXPORT std::string duration_text(std::chrono::nanoseconds duration);

}  // namespace deimos::internal

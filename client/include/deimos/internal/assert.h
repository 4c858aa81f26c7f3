// Invariants stated in code: a program that breaks one stops there, with the place and the reason, instead of going on
// with a state that its own rules exclude. For the libraries themselves; not part of the public interface.
#pragma once

#include <source_location>

#include <deimos/internal/export.h>

namespace deimos::internal {

/// Writes where, which condition and why to standard error, then aborts.
[[noreturn]] DEIMOS_EXPORT void assertion_failed(const char* condition, const char* why,
                                                 std::source_location where = std::source_location::current()) noexcept;

}  // namespace deimos::internal

// DEIMOS_ASSERT(condition, why): `condition` must hold, for the reason `why` (a string literal). Checked where
// DEIMOS_ASSERTIONS is 1, which the build option of that name decides: all presets set it, a plain release build does
// not. Only in source files and in headers that are not installed, so that a user's setting never meets ours.
#if DEIMOS_ASSERTIONS
#define DEIMOS_ASSERT(condition, why) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::deimos::internal::assertion_failed(#condition, why))
#else
#define DEIMOS_ASSERT(condition, why) static_cast<void>(sizeof(!(condition)))
#endif

// Instants as the store writes them: RFC 3339, such as `2026-11-21T01:45:47.886582369Z`. Not part of the public
// interface.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <deimos/internal/export.h>

namespace deimos::internal {

using WallInstant = std::chrono::sys_time<std::chrono::nanoseconds>;

/// What parse_rfc3339() makes of `0001-01-01T00:00:00Z`, and of anything else too early to be counted in nanoseconds.
inline constexpr WallInstant zero_instant = WallInstant::min();

/// None if `text` is no RFC 3339 date and time. Held at the ends of what 64 bits of nanoseconds can say (the years 1677
/// to 2262). Digits beyond the ninth of a fraction are ignored.
[[nodiscard]] DEIMOS_EXPORT std::optional<WallInstant> parse_rfc3339(std::string_view text) noexcept;

/// In UTC, with as many digits of the second's fraction as it takes.
DEIMOS_EXPORT void append_rfc3339(std::string& out, WallInstant instant);
[[nodiscard]] DEIMOS_EXPORT std::string rfc3339_text(WallInstant instant);

}  // namespace deimos::internal

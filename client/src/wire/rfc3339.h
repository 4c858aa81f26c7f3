// The store's instants, such as `2026-11-21T01:45:47.886582369Z`.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include <deimos/runtime.h>

namespace deimos {

/// What parse_rfc3339() makes of `0001-01-01T00:00:00Z`, and of anything else too early to be counted in nanoseconds.
inline constexpr std::chrono::sys_time<Duration> zero_instant = std::chrono::sys_time<Duration>::min();

/// None if `text` is no RFC 3339 date and time. Held at the ends of what 64 bits of nanoseconds can say (the years 1677
/// to 2262). Digits beyond the ninth of a fraction are ignored.
[[nodiscard]] std::optional<std::chrono::sys_time<Duration>> parse_rfc3339(std::string_view text) noexcept;

}  // namespace deimos

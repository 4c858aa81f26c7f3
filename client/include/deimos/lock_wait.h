// How long to wait, from whatever durations and instants the standard's lock wrappers are given.
#pragma once

#include <chrono>
#include <type_traits>

#include <deimos/runtime.h>

namespace deimos {

/// At least 0, at most Duration::max(), whatever the unit; rounded up.
template <typename Rep, typename Period>
Duration bounded_wait(const std::chrono::duration<Rep, Period>& wait) {
  using Wide = std::chrono::duration<long double, std::nano>;
  if (Wide(wait) >= Wide(Duration::max())) return Duration::max();
  return Wide(wait).count() <= 0 ? Duration::zero() : std::chrono::ceil<Duration>(wait);
}

/// From now until that instant; one of RuntimeClock is one of the runtime's, whose `now` is given.
template <typename Clock, typename Length>
Duration wait_until_instant(const std::chrono::time_point<Clock, Length>& instant, TimePoint now) {
  using Wide = std::chrono::duration<long double, std::nano>;  // Differences of any instants fit.
  Wide left(instant.time_since_epoch());
  if constexpr (std::is_same_v<Clock, RuntimeClock>) {
    left -= Wide(now.time_since_epoch());
  } else {
    left -= Wide(Clock::now().time_since_epoch());
  }
  return bounded_wait(left);
}

}  // namespace deimos

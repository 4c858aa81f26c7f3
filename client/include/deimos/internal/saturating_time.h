// Sums of instants that stop at the ends of time instead of overflowing. Not part of the public interface.
#pragma once

#include <chrono>
#include <cstdint>

namespace deimos::internal {

/// `from + by`, held at the largest or smallest instant of the clock.
template <typename Clock>
[[nodiscard]] constexpr std::chrono::time_point<Clock, std::chrono::nanoseconds> saturating_sum(
    std::chrono::time_point<Clock, std::chrono::nanoseconds> from, std::chrono::nanoseconds by) noexcept {
  using Instant = std::chrono::time_point<Clock, std::chrono::nanoseconds>;
  std::chrono::nanoseconds::rep sum = 0;
  if (__builtin_add_overflow(from.time_since_epoch().count(), by.count(), &sum)) {
    return by.count() > 0 ? Instant::max() : Instant::min();
  }
  return Instant(std::chrono::nanoseconds(sum));
}

/// `one` `times` over, held at the longest or shortest duration.
[[nodiscard]] constexpr std::chrono::nanoseconds saturating_product(std::chrono::nanoseconds one,
                                                                    std::int64_t times) noexcept {
  std::chrono::nanoseconds::rep product = 0;
  if (!__builtin_mul_overflow(one.count(), times, &product)) return std::chrono::nanoseconds(product);
  return (one.count() > 0) == (times > 0) ? std::chrono::nanoseconds::max() : std::chrono::nanoseconds::min();
}

}  // namespace deimos::internal

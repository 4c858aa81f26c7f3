// What time a node thinks it is.
#pragma once

#include <chrono>
#include <cstdint>

#include <deimos/fake/clock.h>

namespace deimos::fake {

/// A linear function of true time, exact to the nanosecond; beyond what an Instant holds it stands still.
class NodeClock {
 public:
  static constexpr std::int64_t true_rate = 1'000'000'000;

  [[nodiscard]] bool is_true() const noexcept { return rate_ == true_rate && from_ == to_; }
  /// What it shows at `true_time`.
  [[nodiscard]] Instant at(Instant true_time) const noexcept {
    if (is_true()) return true_time;
    const Wide since = wide(true_time) - wide(from_);
    return clamp(wide(to_) + floor_divided(since * rate_, true_rate));
  }
  /// The first true time at which it shows `shown` or later.
  [[nodiscard]] Instant first_true_time(Instant shown) const noexcept {
    if (is_true() || shown == Instant::max()) return shown;
    const Wide since = wide(shown) - wide(to_);
    return clamp(wide(from_) - floor_divided(-since * true_rate, rate_));
  }
  /// Nanoseconds that it counts in a true second.
  [[nodiscard]] std::int64_t rate() const noexcept { return rate_; }

  /// Shows `shown` at `true_time` and goes on from there.
  void set(Instant true_time, Instant shown, std::int64_t rate) noexcept {
    from_ = true_time;
    to_ = shown;
    rate_ = rate;
    if (rate == true_rate && true_time == shown) from_ = to_ = Instant{};
  }

 private:
  __extension__ using Wide = __int128;
  static constexpr Wide wide(Instant instant) noexcept { return instant.time_since_epoch().count(); }
  static constexpr Wide floor_divided(Wide number, Wide by) noexcept {
    const Wide quotient = number / by;
    return quotient * by > number ? quotient - 1 : quotient;
  }
  static constexpr Instant clamp(Wide nanoseconds) noexcept {
    if (nanoseconds > wide(Instant::max())) return Instant::max();
    if (nanoseconds < wide(Instant::min())) return Instant::min();
    return Instant{std::chrono::nanoseconds{static_cast<std::int64_t>(nanoseconds)}};
  }

  Instant from_{};  // At this true time …
  Instant to_{};    // … it shows this.
  std::int64_t rate_ = true_rate;
};

}  // namespace deimos::fake

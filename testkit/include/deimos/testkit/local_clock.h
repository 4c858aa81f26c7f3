// A process's own monotonic clock, as a function of true virtual time.
#pragma once

#include <cstdint>

#include <deimos/internal/export.h>
#include <deimos/runtime.h>

namespace deimos::testkit {

struct ClockOptions {
  Duration offset = {};  ///< Ahead of true time at the start; negative: behind.
  double rate = 1.0;     ///< Local seconds in a true second: 1.0001 gains 100 µs a second; 0 stands still,
                         ///< as a machine's clock may while it is suspended. In [0, 100).
};

/// Goes on steadily; its rate may be changed, it never goes back. A value type.
class DEIMOS_EXPORT LocalClock {
 public:
  /// Throws std::invalid_argument for a rate out of range, or an offset of more than a year.
  LocalClock(TimePoint start, ClockOptions options);

  [[nodiscard]] TimePoint local(TimePoint true_time) const noexcept;
  /// The first true instant at which the clock shows `local` or later: TimePoint::max() if it never will, or for
  /// TimePoint::max().
  [[nodiscard]] TimePoint true_time(TimePoint local) const noexcept;
  /// From `now` (true time) on. Throws std::invalid_argument.
  void set_rate(TimePoint now, double rate);

 private:
  TimePoint base_true_;
  TimePoint base_local_;
  std::int64_t rate_ppb_ = 0;  // What the rate differs from 1, in parts per thousand million.
};

}  // namespace deimos::testkit

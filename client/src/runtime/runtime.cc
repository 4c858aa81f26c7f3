#include <deimos/runtime.h>

namespace deimos {

TimePoint saturating_add(TimePoint from, Duration by) noexcept {
  Duration::rep sum = 0;
  if (__builtin_add_overflow(from.time_since_epoch().count(), by.count(), &sum)) {
    return by.count() > 0 ? TimePoint::max() : TimePoint::min();
  }
  return TimePoint(Duration(sum));
}

bool Runtime::sleep_until(TimePoint deadline, const std::stop_token& stop) {
  const std::unique_ptr<Signal> signal = make_signal();
  std::mutex mutex;
  std::unique_lock lock(mutex);
  wait_until(*signal, lock, deadline, stop, *this, [] { return false; });
  return now() >= deadline;
}

bool Runtime::sleep_for(Duration duration, const std::stop_token& stop) {
  return sleep_until(saturating_add(now(), duration), stop);
}

}  // namespace deimos

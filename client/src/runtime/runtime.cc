#include <deimos/runtime.h>

#include <deimos/internal/saturating_time.h>

namespace deimos {

TimePoint saturating_add(TimePoint from, Duration by) noexcept { return internal::saturating_sum(from, by); }

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

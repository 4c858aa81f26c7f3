#include <deimos/runtime.h>

#include <deimos/internal/saturating_time.h>

namespace deimos {

TimePoint saturating_add(TimePoint from, Duration by) noexcept { return internal::saturating_sum(from, by); }

bool Runtime::sleep_until(TimePoint deadline, const std::stop_token& stop) {
  const std::unique_ptr<Signal> signal = make_signal();
  const std::stop_callback wake(stop, [&signal] { signal->notify(); });
  do {
    const std::uint64_t seen = signal->epoch();
    if (stop.stop_requested()) break;
    signal->wait(seen, deadline);
  } while (now() < deadline);
  return now() >= deadline;
}

bool Runtime::sleep_for(Duration duration, const std::stop_token& stop) {
  return sleep_until(saturating_add(now(), duration), stop);
}

}  // namespace deimos

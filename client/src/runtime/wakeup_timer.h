// When a background task has to get up next: moved forward by others, without waking it for what is no sooner.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>

#include <deimos/runtime.h>

namespace deimos {

/// Thread-safe; one task runs it.
class WakeupTimer {
 public:
  explicit WakeupTimer(Runtime& runtime) : signal_(runtime.make_signal()) {}

  /// Something is to be done at `when`; it can be found by those who look already.
  void set_by(TimePoint when) noexcept {
    if (when < planned_.load()) signal_->notify();
  }

  /// Calls `work` until `stop`: it does what is due, and returns when the next thing is (now or in the past: at once).
  void run(const std::stop_token& stop, const std::function<TimePoint()>& work) {
    const std::stop_callback wake(stop, [this] { signal_->notify(); });
    for (;;) {
      const std::uint64_t seen = signal_->epoch();
      planned_.store(TimePoint::max());  // Whatever comes while we look wakes us.
      if (stop.stop_requested()) return;
      const TimePoint next = work();
      planned_.store(next);
      signal_->wait(seen, next);
    }
  }

 private:
  const std::unique_ptr<Signal> signal_;
  std::atomic<TimePoint> planned_ = TimePoint::max();
};

}  // namespace deimos

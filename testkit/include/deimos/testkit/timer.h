// Something that is to happen at an instant of virtual time.
#pragma once

#include <cstddef>
#include <limits>

#include <deimos/internal/export.h>
#include <deimos/runtime.h>

namespace deimos::testkit {

/// Armed and disarmed by Scheduler::arm() and disarm(), which must be done before it is destroyed. It is its own place
/// in the scheduler's queue: arming allocates nothing.
class DEIMOS_EXPORT Timer {
 public:
  Timer() = default;
  virtual ~Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  [[nodiscard]] bool armed() const noexcept { return place_ != nowhere; }

 private:
  friend class TimerHeap;
  friend class Scheduler;
  static constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();

  /// Called by the scheduler between two tasks: it must not wait. The timer is disarmed by then and may be armed anew.
  virtual void fire() = 0;

  std::size_t place_ = nowhere;
};

}  // namespace deimos::testkit

// Ends every lease at its deadline, whatever the network does: it never talks to the store.
#pragma once

#include <stop_token>

#include <deimos/runtime.h>

#include "locks/session/lock_acquisition.h"
#include "locks/session/wakeup_timer.h"

namespace deimos {

class LockSession;

/// Thread-safe.
class LockWatchdog {
 public:
  explicit LockWatchdog(LockSession& session);
  /// The body of the watching task.
  void run(const std::stop_token& stop);
  /// `acquisition` is new.
  void consider(const LockAcquisition& acquisition);

 private:
  /// Ends what is overdue; when the next deadline is.
  [[nodiscard]] TimePoint end_overdue();

  LockSession& session_;
  WakeupTimer alarm_;
};

}  // namespace deimos

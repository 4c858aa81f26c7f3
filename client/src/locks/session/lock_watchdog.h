// Ends every lease at its deadline, whatever the network does: it never talks to the store.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include <deimos/runtime.h>

#include "locks/session/held_leases.h"
#include "runtime/wakeup_timer.h"

namespace deimos {

/// Thread-safe.
class LockWatchdog {
 public:
  using Lose = std::function<void(const std::shared_ptr<LockAcquisition>&)>;

  /// `lose` is called for each lease whose deadline has come.
  LockWatchdog(Runtime& runtime, HeldLeases& held, Lose lose);
  /// The body of the watching task.
  void run(const std::stop_token& stop);
  /// `acquisition` is new.
  void consider(const LockAcquisition& acquisition);

 private:
  Runtime& runtime_;
  HeldLeases& held_;
  const Lose lose_;
  WakeupTimer timer_;
};

}  // namespace deimos

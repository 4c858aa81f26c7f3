// Keeps the leases of a session alive: one task for all of them, whose requests grow with their number and nothing
// else.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>

#include <deimos/lock_backend.h>
#include <deimos/runtime.h>

#include "locks/session/lock_acquisition.h"
#include "locks/session/wakeup_timer.h"

namespace deimos {

class LockSession;

/// Thread-safe.
class LockRenewal {
 public:
  explicit LockRenewal(LockSession& session);
  /// The body of the renewing task.
  void run(const std::stop_token& stop);
  /// `acquisition` is new, or its next renewal has become sooner.
  void consider(const LockAcquisition& acquisition);
  /// One renewal, by the renewing task or by hand.
  Result<void> renew(const std::shared_ptr<LockAcquisition>& acquisition, const Deadline& until);

 private:
  struct Due {
    std::shared_ptr<LockAcquisition> acquisition;
    Duration timeout{};
  };
  /// The lock that is due and ends first, if any; else when the next one is due.
  [[nodiscard]] std::optional<Due> choose(TimePoint& next) const;

  /// Asks the store, and again if it turns out that a renewal of which we never heard was applied; `sent` is when the
  /// last of these was sent.
  [[nodiscard]] Result<Granted> ask(LockAcquisition& acquisition, const Deadline& until, TimePoint& sent) const;

  LockSession& session_;
  WakeupTimer alarm_;
};

}  // namespace deimos

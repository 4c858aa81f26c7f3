// Keeps the leases of a session alive: many renewals at once, those first whose leases end first.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include <deimos/lock_backend.h>
#include <deimos/lock_options.h>
#include <deimos/runtime.h>

#include "locks/session/held_leases.h"
#include "locks/session/lock_acquisition.h"
#include "locks/session/task_pool.h"
#include "runtime/wakeup_timer.h"

namespace deimos {

/// Thread-safe.
class LockRenewal {
 public:
  struct Callbacks {
    /// The store has it no more.
    std::function<void(const std::shared_ptr<LockAcquisition>&, const Error&)> lose;
    std::function<void(LockEvent::Kind, const LockAcquisition&, std::optional<Error>, std::optional<Duration>)> report;
  };

  LockRenewal(Runtime& runtime, LockBackend& backend, HeldLeases& held, std::size_t most_at_once, Callbacks callbacks);
  /// As TaskPool::start().
  void start(std::shared_ptr<void> self) { pool_.start(std::move(self)); }
  /// The body of the task that hands out what is due.
  void run(const std::stop_token& stop);
  void stop(TimePoint deadline) noexcept { pool_.stop(deadline); }
  /// `acquisition` is new, or its next renewal has become sooner.
  void consider(const LockAcquisition& acquisition);
  /// One renewal, by a task of the pool, so much later than planned, or by hand.
  Result<void> renew(const std::shared_ptr<LockAcquisition>& acquisition, const Deadline& until,
                     std::optional<Duration> lag = {});

 private:
  void renew_most_urgent(const std::stop_token& stop);
  /// The last request of ask().
  struct Asked {
    TimePoint sent;
    std::string text;
  };
  /// Asks the store, and again if it turns out that a renewal of which we never heard was applied.
  [[nodiscard]] Result<Granted> ask(LockAcquisition& acquisition, Deadline until, Asked& asked) const;
  [[nodiscard]] Result<Granted> send(const OwnRecord& record, std::chrono::seconds ttl, const Deadline& until) const;

  Runtime& runtime_;
  LockBackend& backend_;
  HeldLeases& held_;
  const Callbacks callbacks_;
  WakeupTimer timer_;
  TaskPool pool_;
};

}  // namespace deimos

// One lock of one name in this process: who of the process holds it, who waits in line for it, and what the std-shaped
// face has to remember.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <deimos/internal/local_mutex.h>
#include <deimos/lock_options.h>
#include <deimos/release.h>
#include <deimos/runtime.h>

#include "locks/local/claim.h"
#include "locks/session/lock_acquisition.h"
#include "locks/session/lock_session.h"
#include "locks/session/patient_caller.h"

namespace deimos {

/// Thread-safe.
class LocalLock final : public LeaseUser, public std::enable_shared_from_this<LocalLock> {
 public:
  LocalLock(std::shared_ptr<LockSession> session, std::string name, std::string key);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& key() const noexcept { return key_; }
  [[nodiscard]] LockSession& session() const noexcept { return *session_; }

  /// The acquisition that the caller now holds, once (more): a Hold is made of it.
  using Acquired = Result<std::shared_ptr<LockAcquisition>>;
  [[nodiscard]] Acquired acquire(const Claim& claim, const AcquireOptions& options, const std::stop_token& stop);
  /// Undoes one hold of `acquisition`.
  Result<Release> release(const std::shared_ptr<LockAcquisition>& acquisition);
  /// The acquisition that was held may be over: whoever is first in line looks.
  void lease_ended() override;

  // The std-shaped face: what the calling task has locked and not yet unlocked.

  // Throw LockError. A `lock` that there is none of (its name cannot be used) says so.

  static void lock(const Result<std::shared_ptr<LocalLock>>& lock, const Claim& claim);
  [[nodiscard]] static bool try_lock(const Result<std::shared_ptr<LocalLock>>& lock, const Claim& claim, Duration wait);
  /// `shared`: undoes what was locked by readers, else what others locked.
  static void unlock(const Result<std::shared_ptr<LocalLock>>& lock, bool shared) noexcept;
  /// The calling task's acquisition: the one held, else the last one lost and not yet unlocked; null if there is none.
  [[nodiscard]] std::shared_ptr<LockAcquisition> mine() const;

  /// The exclusive hold of `acquisition` becomes a shared one, without letting a writer in between. Only a loss makes
  /// it fail.
  Result<void> downgrade(const std::shared_ptr<LockAcquisition>& acquisition, std::stop_token stop);

 private:
  /// A task's id is never the same as an owner that the user has named.
  struct Owner {
    bool named = false;
    std::uint64_t id = 0;
    friend bool operator==(const Owner&, const Owner&) = default;
  };
  struct Waiter {
    Owner owner;
    Claim claim;
    std::unique_ptr<Signal> signal;  ///< Made when it has to wait.
  };
  /// Who has an acquisition, and how often; it may be over.
  struct Holder {
    Owner owner;
    Claim claim;
    int count = 1;
    std::shared_ptr<LockAcquisition> acquisition;
  };
  /// A place in the line, for as long as it lives.
  class Place;
  struct Locked {
    TaskId task;
    bool shared = false;
    std::shared_ptr<LockAcquisition> acquisition;
  };

  [[nodiscard]] Result<void> lock_within(const Claim& claim, Duration wait);
  void unlock_one(bool shared);
  [[nodiscard]] Acquired acquire_in_turn(const Claim& claim, const AcquireOptions& options, const LockLease& lease,
                                         const std::stop_token& stop);
  /// The lock for who is at that place in line.
  [[nodiscard]] Acquired wait_for_turn(const Place& place, const AcquireOptions& options, AcquireLimits limits);
  /// Waits until nobody of this process is in the way, or its owner holds the lock.
  [[nodiscard]] Result<void> wait_in_line(const Place& place, const AcquireOptions& options, TimePoint deadline,
                                          const std::stop_token& stop);
  [[nodiscard]] std::optional<Acquired> reenter(Owner owner, const Claim& claim, const AcquireOptions& options)
      DEIMOS_REQUIRES(mutex_);
  /// The live acquisition of that owner that another of it would be nested in; null if there is none.
  [[nodiscard]] Holder* held_by(Owner owner, const Claim& claim) DEIMOS_REQUIRES(mutex_);
  [[nodiscard]] Acquired ask_store(const Claim& claim, const AcquireOptions& options, const AcquireLimits& limits);
  [[nodiscard]] Acquired contest(const AcquireOptions& options, const AcquireLimits& limits);
  [[nodiscard]] Owner owner_of(const AcquireOptions& options) const;
  [[nodiscard]] Duration listen_for(const AcquireOptions& options) const;
  /// Somebody of this process holds the lock, or gives it back, so that `claim` has to wait.
  [[nodiscard]] bool is_taken_here(const Claim& claim) const DEIMOS_REQUIRES(mutex_);
  /// Nobody before `waiter` in line is to ask the store first.
  [[nodiscard]] bool is_first(const Waiter& waiter) const DEIMOS_REQUIRES(mutex_);
  /// The acquisitions that are over: to be destroyed under no mutex, since they own what is the user's.
  [[nodiscard]] std::vector<Holder> take_ended() DEIMOS_REQUIRES(mutex_);
  /// Whoever could go on now looks.
  void wake_line() DEIMOS_REQUIRES(mutex_);
  /// Those of that owner look: it has the lock.
  void wake_same(Owner owner) DEIMOS_REQUIRES(mutex_);

  const std::shared_ptr<LockSession> session_;
  const std::string name_;
  const std::string key_;

  mutable internal::LocalMutex mutex_;
  std::deque<Waiter*> line_ DEIMOS_GUARDED_BY(mutex_);
  std::vector<Holder> holders_ DEIMOS_GUARDED_BY(mutex_);
  std::vector<Locked> locked_ DEIMOS_GUARDED_BY(mutex_);
};

}  // namespace deimos

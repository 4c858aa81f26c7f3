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

#include "locks/session/lock_acquisition.h"
#include "locks/session/lock_session.h"

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
  [[nodiscard]] Acquired acquire(const AcquireOptions& options, const std::stop_token& stop);
  /// Undoes one hold of `acquisition`.
  Result<Release> release(const std::shared_ptr<LockAcquisition>& acquisition);
  /// The acquisition that was held may be over: whoever is first in line looks.
  void lease_ended() override;

  // The std-shaped face: what the calling task has locked and not yet unlocked.

  Result<void> lock(Duration wait);
  void unlock();
  /// The calling task's acquisition: the one held, else the last one lost and not yet unlocked; null if there is none.
  [[nodiscard]] std::shared_ptr<LockAcquisition> mine() const;

 private:
  /// A task's id is never the same as an owner that the user has named.
  struct Owner {
    bool named = false;
    std::uint64_t id = 0;
    friend bool operator==(const Owner&, const Owner&) = default;
  };
  struct Waiter {
    Owner owner;
    std::unique_ptr<Signal> signal;  ///< Made when it has to wait.
  };
  /// A place in the line, for as long as it lives.
  class Place;
  struct Locked {
    TaskId task;
    std::shared_ptr<LockAcquisition> acquisition;
  };

  [[nodiscard]] Acquired acquire_in_turn(const AcquireOptions& options, const LockLease& lease,
                                         const std::stop_token& stop);
  /// Waits until it is the first in line and nobody of this process holds the lock, or its owner does.
  [[nodiscard]] Result<void> wait_in_line(const Place& place, const AcquireOptions& options, TimePoint deadline,
                                          const std::stop_token& stop);
  [[nodiscard]] std::optional<Acquired> reenter(Owner owner, const AcquireOptions& options) DEIMOS_REQUIRES(mutex_);
  [[nodiscard]] bool is_held_by(Owner owner) const DEIMOS_REQUIRES(mutex_);
  [[nodiscard]] Result<LockGrant> ask_store(const AcquireOptions& options, const LockLease& lease, TimePoint deadline,
                                            const std::stop_token& stop);
  [[nodiscard]] Owner owner_of(const AcquireOptions& options) const;
  [[nodiscard]] Duration listen_for(const AcquireOptions& options) const;
  [[nodiscard]] bool is_taken_here() const DEIMOS_REQUIRES(mutex_);
  void wake_first() DEIMOS_REQUIRES(mutex_);

  const std::shared_ptr<LockSession> session_;
  const std::string name_;
  const std::string key_;

  mutable internal::LocalMutex mutex_;
  std::deque<Waiter*> line_ DEIMOS_GUARDED_BY(mutex_);
  std::shared_ptr<LockAcquisition> current_ DEIMOS_GUARDED_BY(mutex_);  ///< The last one granted; may be over.
  Owner current_owner_ DEIMOS_GUARDED_BY(mutex_);
  int count_ DEIMOS_GUARDED_BY(mutex_) = 0;  ///< Holds of it.
  std::vector<Locked> locked_ DEIMOS_GUARDED_BY(mutex_);
};

}  // namespace deimos

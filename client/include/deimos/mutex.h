// The distributed mutex: an exclusive, re-entrant lock among all that use the same store and name; fair if asked for.
//
// It has two faces. acquire() is the rich one: it says how it failed, and returns a Hold for one acquisition. lock(),
// try_lock() and unlock() are what the standard's wrappers want (std::unique_lock, std::scoped_lock, std::lock); they
// belong to the calling task.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include <deimos/error.h>
#include <deimos/hold.h>
#include <deimos/internal/export.h>
#include <deimos/lock_options.h>
#include <deimos/lock_wait.h>
#include <deimos/runtime.h>

namespace deimos {

/// A cheap handle, made by LockManager::mutex(): handles of one name (and their copies) are the same lock, in one
/// process too. Thread-safe. May outlive the manager; everything is refused with errc::closed then.
class DEIMOS_EXPORT Mutex {
 public:
  /// Waits for the lock as `options` say, or until `stop` is triggered. Owners of this process wait in line, and only
  /// the first of them asks the store. While the store cannot be reached the call goes on trying until its time is up;
  /// whoever answers five times in a row, and not as a store does, ends it (errc::protocol_error): a proxy's page, a
  /// redirect, a password that is missing.
  /// errc::lock_timeout (not free in time), lock_already_held (one try, or as many as allowed), cancelled, closed;
  /// invalid_key and invalid_argument (nothing was sent); lock_kind_differs, not_a_file, not_a_directory (the name is
  /// in other use); for one try also what became of the request: unavailable, outcome_unknown, … Whatever it returns,
  /// nothing is left behind: what an unclear step may have written is removed in the background.
  [[nodiscard]] Result<Hold> acquire(const AcquireOptions& options = {}, std::stop_token stop = {}) const;

  /// Throws LockError, as the next three, if it cannot be known whether the lock is free.
  void lock() const;
  [[nodiscard]] bool try_lock() const;
  template <typename Rep, typename Period>
  [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& wait) const {
    return try_lock_within(bounded_wait(wait));
  }
  /// An instant of RuntimeClock is one of the runtime's.
  template <typename Clock, typename Length>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Length>& instant) const {
    return try_lock_within(wait_until_instant(instant, now()));
  }
  /// Undoes one lock() of the calling task. Blocks at most for LockOptions::request_timeout; what could not be done by
  /// then is finished in the background. If an acquisition of this task was lost before it was unlocked, its unlocks
  /// are spent first and do nothing, so that they cannot end a later acquisition.
  void unlock() const noexcept;

  // What follows asks about the calling task's acquisition: the one held, else the last one lost and not yet unlocked.

  [[nodiscard]] bool is_held() const;
  /// 0 if there is none. See Hold::fencing_token().
  [[nodiscard]] std::uint64_t fencing_token() const;
  /// Triggered already if there is none. See Hold::lost().
  [[nodiscard]] std::stop_token lost() const;
  /// TimePoint::min() if there is none. See Hold::expires_at().
  [[nodiscard]] TimePoint expires_at() const;
  /// errc::lock_not_held if there is none. See Hold::renew().
  Result<void> renew(std::stop_token stop = {}) const;
  void pause_renewal() const;
  void resume_renewal() const;

  /// Who has it, as the store says; none if it is free. Blocks at most for LockOptions::request_timeout.
  [[nodiscard]] Result<std::optional<LockInfo>> info(std::stop_token stop = {}) const;
  [[nodiscard]] const std::string& name() const noexcept;

 private:
  friend class LockManager;
  friend class LockPart;
  Mutex(std::string name, Result<std::shared_ptr<LocalLock>> state, LockKind kind);

  [[nodiscard]] TimePoint now() const;
  [[nodiscard]] bool try_lock_within(Duration wait) const;
  [[nodiscard]] std::shared_ptr<LockAcquisition> mine() const;

  std::string name_;
  Result<std::shared_ptr<LocalLock>> state_;
  LockKind kind_;
};

}  // namespace deimos

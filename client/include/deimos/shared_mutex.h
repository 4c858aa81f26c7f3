// The distributed shared mutex: any number of readers, or one writer.
//
// All stand in one line, in the order in which they came: a reader waits for the writers before it, a writer for
// everybody before it. So neither starves: readers who come while a writer waits are let in after it. The owners of one
// process stand in a line of their own first, by the same rules.
//
// It costs 3 requests to take and give back, shared or not; the records are files in a directory of the lock's name,
// which stays. A fencing token grows from each writer to all that come later; readers of one phase are in any order.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <deimos/error.h>
#include <deimos/hold.h>
#include <deimos/internal/export.h>
#include <deimos/lock_options.h>
#include <deimos/lock_wait.h>
#include <deimos/runtime.h>

namespace deimos {

/// A cheap handle, made by LockManager::shared_mutex(); as Mutex in all that is not said here. Thread-safe. Meets the
/// standard's SharedTimedLockable: std::shared_lock, std::unique_lock and std::scoped_lock work.
///
/// Re-entry: an owner that holds it shared may hold it so once more, whoever waits; one that holds it exclusively may
/// hold it more often either way, all of it exclusively. An owner that holds it shared and asks for it exclusively is
/// refused with errc::would_deadlock (try_lock() says false): two of them would wait for each other for ever.
class DEIMOS_EXPORT SharedMutex {
 public:
  /// Exclusively; fails as Mutex::acquire(), and with errc::would_deadlock.
  [[nodiscard]] Result<Hold> acquire(const AcquireOptions& options = {}, std::stop_token stop = {}) const;
  [[nodiscard]] Result<Hold> acquire_shared(const AcquireOptions& options = {}, std::stop_token stop = {}) const;

  // The std-shaped face, of the calling task: see Mutex::lock().

  void lock() const;
  [[nodiscard]] bool try_lock() const;
  template <typename Rep, typename Period>
  [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& wait) const {
    return try_lock_within(LockKind::writer, bounded_wait(wait));
  }
  template <typename Clock, typename Length>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Length>& instant) const {
    return try_lock_within(LockKind::writer, wait_until_instant(instant, now()));
  }
  void unlock() const noexcept;

  void lock_shared() const;
  [[nodiscard]] bool try_lock_shared() const;
  template <typename Rep, typename Period>
  [[nodiscard]] bool try_lock_shared_for(const std::chrono::duration<Rep, Period>& wait) const {
    return try_lock_within(LockKind::reader, bounded_wait(wait));
  }
  template <typename Clock, typename Length>
  [[nodiscard]] bool try_lock_shared_until(const std::chrono::time_point<Clock, Length>& instant) const {
    return try_lock_within(LockKind::reader, wait_until_instant(instant, now()));
  }
  void unlock_shared() const noexcept;
  /// As Hold::downgrade(), for what the calling task has locked: to be given back by unlock_shared().
  /// errc::lock_not_held if it has nothing.
  Result<void> downgrade(std::stop_token stop = {}) const;

  /// Those who hold it or wait for it, in their order. Blocks at most for LockOptions::request_timeout.
  [[nodiscard]] Result<std::vector<LockInfo>> line(std::stop_token stop = {}) const;
  [[nodiscard]] const std::string& name() const noexcept;

 private:
  friend class LockManager;
  friend class LockPart;
  SharedMutex(std::string name, Result<std::shared_ptr<LocalLock>> state);
  [[nodiscard]] TimePoint now() const;
  [[nodiscard]] bool try_lock_within(LockKind kind, Duration wait) const;

  std::string name_;
  Result<std::shared_ptr<LocalLock>> state_;
};

}  // namespace deimos

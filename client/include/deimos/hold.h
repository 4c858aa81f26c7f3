// One acquisition of a lock, held for as long as the object lives.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include <deimos/error.h>
#include <deimos/internal/export.h>
#include <deimos/release.h>
#include <deimos/release_request.h>
#include <deimos/runtime.h>

namespace deimos {

class LockAcquisition;
class LocalLock;

/// Move-only, and tied to one acquisition: what it does never touches a later one, also of the same owner. The const
/// members may be called from several tasks at once, and block on nothing but renew() on the network.
class DEIMOS_EXPORT Hold {
 public:
  Hold(Hold&& other) noexcept;
  Hold& operator=(Hold&& other) noexcept;
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  /// Releases, as release() does, and tells nobody.
  ~Hold();

  /// Grows with every acquisition of this lock, by anybody: hand it to what the lock protects, which should refuse
  /// lower ones than it has seen. The index of the write that granted the lock; stays the same on re-entry.
  [[nodiscard]] std::uint64_t fencing_token() const noexcept;
  /// Triggered once, as soon as the lock is lost; at the latest at expires_at(), whatever the network does. Never
  /// triggered by a release. A process that stood still beyond expires_at() (SIGSTOP, a suspended machine) sees the
  /// trigger some milliseconds after it runs again, once a thread of the library has had its turn; is_held() is right
  /// at once: ask it after whatever may have taken long.
  [[nodiscard]] std::stop_token lost() const noexcept;
  /// Triggered once somebody asks for the lock (LockManager::ask_to_release()): finish, or save what is half done, and
  /// release it. Never triggered by a loss. The first call of a manager's makes it listen, with one watch for all its
  /// locks; requests made before are heard of too, as long as they last.
  [[nodiscard]] std::stop_token asked_to_release() const;
  /// What was asked, the latest; none before asked_to_release() is triggered.
  [[nodiscard]] std::optional<ReleaseRequest> release_request() const;
  /// Whether the lock is held right now: neither lost, nor released, nor past expires_at().
  [[nodiscard]] bool is_held() const;
  /// Until when the lock is ours if it is not renewed; moves on with each renewal.
  [[nodiscard]] TimePoint expires_at() const;
  [[nodiscard]] const std::string& name() const noexcept;

  /// Starts the lease anew, now. Blocks at most for LockOptions::request_timeout. errc::lock_not_held: it was taken
  /// away; lock_expired: it is too late; anything else: unclear, and still held until expires_at().
  Result<void> renew(std::stop_token stop = {}) const;
  /// The background renewal of this acquisition stops until resume_renewal().
  void pause_renewal() const;
  void resume_renewal() const;

  /// Makes an exclusive hold of a SharedMutex shared: readers who wait are let in, writers who wait are not. From the
  /// call on its owner must not write any more. The fencing token stays. Blocks at most for
  /// LockOptions::request_timeout; what could not be told to the store by then follows with the next renewals.
  /// errc::lock_expired or lock_not_held: it was lost. errc::invalid_argument: a hold of another kind of lock. Does
  /// nothing if it is shared already.
  Result<void> downgrade(std::stop_token stop = {}) const;

  /// Gives the lock back: the last hold of an owner frees it. Blocks at most for LockOptions::request_timeout.
  /// errc::lock_expired or lock_not_held: it was lost before (or this hold was released already); nothing was done to
  /// whoever has it now.
  Result<Release> release();

 private:
  friend class HoldAccess;
  Hold(std::shared_ptr<LocalLock> state, std::shared_ptr<LockAcquisition> acquisition) noexcept;

  std::shared_ptr<LocalLock> state_;
  std::shared_ptr<LockAcquisition> acquisition_;
  bool released_ = false;
};

}  // namespace deimos

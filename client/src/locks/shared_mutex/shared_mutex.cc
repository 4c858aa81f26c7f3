#include <deimos/shared_mutex.h>

#include <utility>

#include "locks/admin/lock_admin.h"
#include "locks/local/hold_access.h"
#include "locks/local/local_lock.h"

namespace deimos {

SharedMutex::SharedMutex(std::string name, Result<std::shared_ptr<LocalLock>> state)
    : name_(std::move(name)), state_(std::move(state)) {}

Result<Hold> SharedMutex::acquire(const AcquireOptions& options, std::stop_token stop) const {
  return HoldAccess::acquire(state_, {.kind = LockKind::writer}, options, stop);
}

Result<Hold> SharedMutex::acquire_shared(const AcquireOptions& options, std::stop_token stop) const {
  return HoldAccess::acquire(state_, {.kind = LockKind::reader}, options, stop);
}

void SharedMutex::lock() const { LocalLock::lock(state_, {.kind = LockKind::writer}); }

bool SharedMutex::try_lock() const { return try_lock_within(LockKind::writer, Duration::zero()); }

void SharedMutex::unlock() const noexcept { LocalLock::unlock(state_, false); }

void SharedMutex::lock_shared() const { LocalLock::lock(state_, {.kind = LockKind::reader}); }

bool SharedMutex::try_lock_shared() const { return try_lock_within(LockKind::reader, Duration::zero()); }

void SharedMutex::unlock_shared() const noexcept { LocalLock::unlock(state_, true); }

bool SharedMutex::try_lock_within(LockKind kind, Duration wait) const {
  return LocalLock::try_lock(state_, {.kind = kind}, wait);
}

TimePoint SharedMutex::now() const { return state_ ? (*state_)->session().runtime().now() : TimePoint(); }

Result<void> SharedMutex::downgrade(std::stop_token stop) const {
  if (!state_) return tl::unexpected<Error>(state_.error());
  const auto acquisition = (*state_)->mine();
  if (!acquisition) return fail(errc::lock_not_held, "this task does not hold lock '" + name_ + "'");
  return (*state_)->downgrade(acquisition, std::move(stop));
}

Result<std::vector<LockInfo>> SharedMutex::line(std::stop_token stop) const {
  if (!state_) return tl::unexpected<Error>(state_.error());
  return lock_line((*state_)->session(), name_, std::move(stop));
}

const std::string& SharedMutex::name() const noexcept { return name_; }

}  // namespace deimos

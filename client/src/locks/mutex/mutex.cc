#include <deimos/mutex.h>

#include <utility>

#include "locks/admin/lock_admin.h"
#include "locks/local/hold_access.h"
#include "locks/local/local_lock.h"
#include "locks/session/lock_acquisition.h"
#include "locks/session/lock_session.h"

namespace deimos {

Mutex::Mutex(std::string name, Result<std::shared_ptr<LocalLock>> state, LockKind kind)
    : name_(std::move(name)), state_(std::move(state)), kind_(kind) {}

Result<Hold> Mutex::acquire(const AcquireOptions& options, std::stop_token stop) const {
  return HoldAccess::acquire(state_, {.kind = kind_}, options, stop);
}

void Mutex::lock() const { LocalLock::lock(state_, {.kind = kind_}); }

bool Mutex::try_lock() const { return try_lock_within(Duration::zero()); }

bool Mutex::try_lock_within(Duration wait) const { return LocalLock::try_lock(state_, {.kind = kind_}, wait); }

void Mutex::unlock() const noexcept { LocalLock::unlock(state_, false); }

TimePoint Mutex::now() const { return state_ ? (*state_)->session().runtime().now() : TimePoint(); }

std::shared_ptr<LockAcquisition> Mutex::mine() const { return state_ ? (*state_)->mine() : nullptr; }

bool Mutex::is_held() const {
  const auto acquisition = mine();
  return acquisition && acquisition->is_held();
}

std::uint64_t Mutex::fencing_token() const {
  const auto acquisition = mine();
  return acquisition ? acquisition->fencing_token() : 0;
}

std::stop_token Mutex::lost() const {
  if (const auto acquisition = mine()) return acquisition->lost();
  std::stop_source none;
  none.request_stop();
  return none.get_token();
}

TimePoint Mutex::expires_at() const {
  const auto acquisition = mine();
  return acquisition ? acquisition->deadline() : TimePoint::min();
}

Result<void> Mutex::renew(std::stop_token stop) const {
  if (!state_) return tl::unexpected<Error>(state_.error());
  const auto acquisition = mine();
  if (!acquisition) return fail(errc::lock_not_held, "this task does not hold lock '" + name_ + "'");
  return (*state_)->session().renew(acquisition, std::move(stop));
}

void Mutex::pause_renewal() const {
  if (const auto acquisition = mine()) (*state_)->session().pause_renewal(acquisition, true);
}

void Mutex::resume_renewal() const {
  if (const auto acquisition = mine()) (*state_)->session().pause_renewal(acquisition, false);
}

Result<std::optional<LockInfo>> Mutex::info(std::stop_token stop) const {
  if (!state_) return tl::unexpected<Error>(state_.error());
  return lock_info((*state_)->session(), name_, std::move(stop));
}

const std::string& Mutex::name() const noexcept { return name_; }

}  // namespace deimos

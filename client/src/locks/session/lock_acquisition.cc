#include "locks/session/lock_acquisition.h"

#include <algorithm>
#include <utility>

#include <deimos/internal/assert.h>

namespace deimos {

LockAcquisition::LockAcquisition(std::shared_ptr<Runtime> runtime, std::string name, std::string key, LockLease lease,
                                 LockGrant grant, AcquisitionOptions wishes)
    : runtime_(std::move(runtime)),
      name_(std::move(name)),
      key_(std::move(key)),
      lease_(lease),
      grant_(std::move(grant)),
      hold_limit_(saturating_add(runtime_->now(), wishes.max_hold)),
      on_lost_(std::move(wishes.on_lost)),
      deadline_(deadline_from(grant_.sent)),
      next_renewal_(saturating_add(grant_.sent, lease_.renewal_interval)),
      last_sent_(grant_.sent),
      revision_(grant_.fencing_token),
      paused_(!wishes.auto_renew) {}

TimePoint LockAcquisition::deadline_from(TimePoint sent) const noexcept {
  return std::min(saturating_add(sent, lease_.usable), hold_limit_);
}

Error error_after_fork() {
  return fail(errc::closed, "the lock manager belongs to the process that forked this one").value();
}

bool LockAcquisition::is_held() const {
  if (!runtime_->is_of_this_process()) return false;
  const internal::LocalMutexLock lock(mutex_);
  return state_ == State::held && runtime_->now() < deadline_;
}

bool LockAcquisition::is_releasing() const {
  const internal::LocalMutexLock lock(mutex_);
  return state_ == State::releasing;
}

TimePoint LockAcquisition::deadline() const {
  if (!runtime_->is_of_this_process()) return TimePoint::min();
  const internal::LocalMutexLock lock(mutex_);
  return deadline_;
}

TimePoint LockAcquisition::last_trace() const {
  const internal::LocalMutexLock lock(mutex_);
  return saturating_add(last_sent_, lease_.stored);
}

Error LockAcquisition::why_not_held() const {
  if (!runtime_->is_of_this_process()) return error_after_fork();
  const internal::LocalMutexLock lock(mutex_);
  switch (state_) {
    case State::lost: return loss_;
    case State::held:
      return fail(errc::lock_expired, "the lease of lock '" + name_ + "' was not renewed in time").value();
    case State::releasing:
    case State::released: break;
  }
  return fail(errc::lock_not_held, "lock '" + name_ + "' was released already").value();
}

bool LockAcquisition::begin_release() {
  const internal::LocalMutexLock lock(mutex_);
  if (state_ != State::held || runtime_->now() >= deadline_) return false;
  DEIMOS_ASSERT(deadline_ <= hold_limit_, "no renewal moves a deadline beyond max_hold");
  state_ = State::releasing;
  return true;
}

void LockAcquisition::finish_release() {
  const internal::LocalMutexLock lock(mutex_);
  DEIMOS_ASSERT(state_ == State::releasing, "a release ends as it began");
  state_ = State::released;
}

bool LockAcquisition::lose(const Error& why) {
  const internal::LocalMutexLock lock(mutex_);
  if (state_ != State::held) return false;
  state_ = State::lost;
  loss_ = why;
  return true;
}

void LockAcquisition::announce_loss(const std::function<void()>& report) {
  lost_.request_stop();
  report();
  if (!on_lost_) return;
  try {
    on_lost_(why_not_held());
  } catch (...) {  // Promised to be swallowed: it must not end the announcing task.
  }
}

void LockAcquisition::renewal_sent(TimePoint sent) {
  const internal::LocalMutexLock lock(mutex_);
  last_sent_ = std::max(last_sent_, sent);
  if (!unclear_since_) unclear_since_ = sent;
}

void LockAcquisition::earlier_renewal_applied(TimePoint refused, std::uint64_t revision) {
  const internal::LocalMutexLock lock(mutex_);
  revision_ = std::max(revision_, revision);
  const std::optional<TimePoint> applied = std::exchange(unclear_since_, std::nullopt);
  if (!applied || *applied >= refused || state_ != State::held || runtime_->now() >= deadline_) return;
  deadline_ = std::max(deadline_, deadline_from(*applied));
}

std::uint64_t LockAcquisition::revision() const {
  const internal::LocalMutexLock lock(mutex_);
  return revision_;
}

bool LockAcquisition::renewed(TimePoint sent, std::uint64_t revision) {
  const internal::LocalMutexLock lock(mutex_);
  revision_ = std::max(revision_, revision);
  unclear_since_.reset();
  // An answer that comes too late does not bring back a lock that is already lost.
  if (state_ != State::held || runtime_->now() >= deadline_) return false;
  deadline_ = std::max(deadline_, deadline_from(sent));
  failures_ = 0;
  failed_endpoint_.clear();
  // No renewal can move a deadline that max_hold has set.
  next_renewal_ = deadline_ == hold_limit_ ? TimePoint::max() : saturating_add(sent, lease_.renewal_interval);
  return true;
}

void LockAcquisition::renewal_failed(const std::string& endpoint, double jitter) {
  const internal::LocalMutexLock lock(mutex_);
  failed_endpoint_ = endpoint;
  constexpr int doublings = 2;
  const Duration pause = lease_.usable / 40 * (1 << std::min(failures_, doublings));
  ++failures_;
  const Duration less(static_cast<Duration::rep>(static_cast<double>(pause.count()) * jitter / 2));
  next_renewal_ = saturating_add(runtime_->now(), pause - less);
}

std::string LockAcquisition::failed_endpoint() const {
  const internal::LocalMutexLock lock(mutex_);
  return failed_endpoint_;
}

void LockAcquisition::pause_renewal(bool paused) {
  const internal::LocalMutexLock lock(mutex_);
  paused_ = paused;
}

TimePoint LockAcquisition::next_renewal() const {
  const internal::LocalMutexLock lock(mutex_);
  return paused_ || state_ != State::held ? TimePoint::max() : next_renewal_;
}

}  // namespace deimos

#include "locks/session/lock_acquisition.h"

#include <algorithm>
#include <utility>

#include <deimos/internal/assert.h>

namespace deimos {

LockAcquisition::LockAcquisition(std::shared_ptr<Runtime> runtime, std::string name, std::string key, LockLease lease,
                                 LockGrant grant, AcquisitionOptions wishes, State begins)
    : runtime_(std::move(runtime)),
      name_(std::move(name)),
      key_(std::move(key)),
      lease_(lease),
      grant_(std::move(grant)),
      max_hold_(wishes.max_hold),
      on_lost_(std::move(wishes.on_lost)),
      state_(begins),
      held_since_(begins == State::queued ? std::nullopt : std::optional(runtime_->now())),
      hold_limit_(begins == State::queued ? TimePoint::max() : saturating_add(runtime_->now(), max_hold_)),
      deadline_(std::min(saturating_add(grant_.sent, lease_.usable), hold_limit_)),
      next_renewal_(saturating_add(grant_.sent, lease_.renewal_interval)),
      last_sent_(grant_.sent),
      revision_(grant_.revision == 0 ? grant_.fencing_token : grant_.revision),
      text_(grant_.text.empty() ? grant_.token : grant_.text),
      wanted_(text_),
      paused_(!wishes.auto_renew) {}

TimePoint LockAcquisition::deadline_from(TimePoint sent) const noexcept {
  return std::min(saturating_add(sent, lease_.usable), hold_limit_);
}

bool LockAcquisition::is_live_now() const {
  return (state_ == State::held || state_ == State::queued) && runtime_->now() < deadline_;
}

Error error_after_fork() {
  return fail(errc::closed, "the lock manager belongs to the process that forked this one").value();
}

bool LockAcquisition::is_held() const {
  if (!runtime_->is_of_this_process()) return false;
  const internal::LocalMutexLock lock(mutex_);
  return state_ == State::held && runtime_->now() < deadline_;
}

bool LockAcquisition::is_live() const {
  if (!runtime_->is_of_this_process()) return false;
  const internal::LocalMutexLock lock(mutex_);
  return is_live_now();
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
    case State::queued:
    case State::held:
      return fail(errc::lock_expired, "the lease of lock '" + name_ + "' was not renewed in time").value();
    case State::releasing:
    case State::released: break;
  }
  return fail(errc::lock_not_held, "lock '" + name_ + "' was released already").value();
}

Duration LockAcquisition::held_for() const {
  const internal::LocalMutexLock lock(mutex_);
  return held_since_ ? ended_at_.value_or(runtime_->now()) - *held_since_ : Duration::zero();
}

bool LockAcquisition::admit() {
  const internal::LocalMutexLock lock(mutex_);
  const TimePoint now = runtime_->now();
  if (state_ != State::queued || now >= deadline_) return false;
  state_ = State::held;
  held_since_ = now;
  hold_limit_ = saturating_add(now, max_hold_);
  deadline_ = std::min(deadline_, hold_limit_);
  return true;
}

bool LockAcquisition::abandon() {
  const internal::LocalMutexLock lock(mutex_);
  if (state_ != State::queued) return false;
  state_ = State::released;
  return true;
}

bool LockAcquisition::begin_release() {
  const internal::LocalMutexLock lock(mutex_);
  if (state_ != State::held || runtime_->now() >= deadline_) return false;
  DEIMOS_ASSERT(deadline_ <= hold_limit_, "no renewal moves a deadline beyond max_hold");
  state_ = State::releasing;
  ended_at_ = runtime_->now();
  return true;
}

void LockAcquisition::finish_release() {
  const internal::LocalMutexLock lock(mutex_);
  DEIMOS_ASSERT(state_ == State::releasing, "a release ends as it began");
  state_ = State::released;
}

std::optional<LockAcquisition::State> LockAcquisition::lose(const Error& why) {
  const internal::LocalMutexLock lock(mutex_);
  if (state_ != State::held && state_ != State::queued) return std::nullopt;
  loss_ = why;
  ended_at_ = runtime_->now();
  return std::exchange(state_, State::lost);
}

std::optional<ReleaseRequest> LockAcquisition::release_request() const {
  if (!runtime_->is_of_this_process()) return std::nullopt;
  const internal::LocalMutexLock lock(mutex_);
  return request_;
}

bool LockAcquisition::ask_to_release(const ReleaseRequest& request) {
  {
    const internal::LocalMutexLock lock(mutex_);
    // The store tells the time left in whole seconds: the same request, read again, may seem to end a little later.
    if (request_ && request_->id >= request.id) return false;
    request_ = request;
  }
  asked_.request_stop();
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

void LockAcquisition::written(std::uint64_t revision, const std::string& text) {
  if (revision < revision_) return;  // An answer that was overtaken by a later one.
  revision_ = revision;
  text_ = text;
}

void LockAcquisition::earlier_renewal_applied(TimePoint refused, std::uint64_t revision, const std::string& text) {
  const internal::LocalMutexLock lock(mutex_);
  written(revision, text);
  const std::optional<TimePoint> applied = std::exchange(unclear_since_, std::nullopt);
  if (!applied || *applied >= refused || !is_live_now()) return;
  deadline_ = std::max(deadline_, deadline_from(*applied));
}

OwnRecord LockAcquisition::record() const {
  const internal::LocalMutexLock lock(mutex_);
  return {key_, grant_.token, text_, wanted_, revision_, rewritten_};
}

void LockAcquisition::want_text(std::string text) {
  const internal::LocalMutexLock lock(mutex_);
  wanted_ = std::move(text);
  rewritten_ = true;
  next_renewal_ = runtime_->now();
}

bool LockAcquisition::renewed(TimePoint sent, std::uint64_t revision, const std::string& text) {
  const internal::LocalMutexLock lock(mutex_);
  written(revision, text);
  unclear_since_.reset();
  // An answer that comes too late does not bring back a lock that is already lost.
  if (!is_live_now()) return false;
  deadline_ = std::max(deadline_, deadline_from(sent));
  failures_ = 0;
  failed_endpoint_.clear();
  // No renewal can move a deadline that max_hold has set.
  next_renewal_ = deadline_ == hold_limit_ ? TimePoint::max() : saturating_add(sent, lease_.renewal_interval);
  if (wanted_ != text_) next_renewal_ = runtime_->now();
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
  if (state_ == State::queued) return next_renewal_;
  const bool idle = paused_ && wanted_ == text_;
  return idle || state_ != State::held ? TimePoint::max() : next_renewal_;
}

}  // namespace deimos

#include "locks/mutex/local_lock.h"

#include <algorithm>
#include <utility>

#include <deimos/internal/assert.h>
#include <deimos/internal/saturating_time.h>

#include "locks/mutex/lock_acquirer.h"
#include "locks/session/lock_options_check.h"
#include "runtime/stop_either.h"

namespace deimos {
namespace {

tl::unexpected<Error> already_held(const std::string& name) {
  return fail(errc::lock_already_held, "lock '" + name + "' is held by another owner of this process");
}

}  // namespace

class LocalLock::Place {
 public:
  Place(LocalLock& state, Owner owner) DEIMOS_REQUIRES(state.mutex_) : state_(state) {
    waiter.owner = owner;
    state_.line_.push_back(&waiter);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    const internal::LocalMutexLock lock(state_.mutex_);
    std::erase(state_.line_, &waiter);
    state_.wake_first();
  }

  mutable Waiter waiter;

 private:
  LocalLock& state_;
};

LocalLock::LocalLock(std::shared_ptr<LockSession> session, std::string name, std::string key)
    : session_(std::move(session)), name_(std::move(name)), key_(std::move(key)) {}

LocalLock::Acquired LocalLock::acquire(const AcquireOptions& options, const std::stop_token& stop) {
  const Result<LockSession::Operation> operation = session_->begin();
  if (!operation) return tl::unexpected<Error>(operation.error());
  if (auto error = check_acquire_options(options)) return tl::unexpected<Error>(std::move(*error));
  const Result<LockLease> lease = lease_of(session_->options(), options.ttl.value_or(session_->options().ttl));
  if (!lease) return tl::unexpected<Error>(lease.error());
  if (const Result<void> started = session_->start(); !started) return tl::unexpected<Error>(started.error());
  const StopEither either(stop, session_->closing());
  Acquired hold = acquire_in_turn(options, *lease, either.token());
  if (!hold && hold.error().code == errc::cancelled && session_->closing().stop_requested()) {
    return fail(errc::closed, "the lock manager was closed while lock '" + name_ + "' was waited for");
  }
  return hold;
}

LocalLock::Acquired LocalLock::acquire_in_turn(const AcquireOptions& options, const LockLease& lease,
                                               const std::stop_token& stop) {
  const TimePoint deadline = saturating_add(session_->runtime().now(), options.wait);
  const Owner owner = owner_of(options);
  std::optional<Place> place;
  {
    const internal::LocalMutexLock lock(mutex_);
    if (auto nested = reenter(owner, options)) return std::move(*nested);
    if (options.wait == Duration::zero() && (!line_.empty() || is_taken_here())) return already_held(name_);
    place.emplace(*this, owner);
  }
  if (const Result<void> first = wait_in_line(*place, options, deadline, stop); !first) {
    return tl::unexpected<Error>(first.error());
  }
  {
    const internal::LocalMutexLock lock(mutex_);
    if (auto nested = reenter(owner, options)) return std::move(*nested);
  }
  Result<LockGrant> grant = ask_store(options, lease, deadline, stop);
  if (!grant) return tl::unexpected<Error>(std::move(grant.error()));
  const auto acquisition = std::make_shared<LockAcquisition>(
      session_->shared_runtime(), name_, key_, lease, std::move(*grant),
      LockAcquisition::AcquisitionOptions{options.max_hold, options.auto_renew, options.on_lost});
  std::shared_ptr<LockAcquisition> before;  // Destroyed under no mutex: it owns what is the user's.
  {
    const internal::LocalMutexLock lock(mutex_);
    DEIMOS_ASSERT(!is_taken_here(), "one acquisition at a time");
    before = std::exchange(current_, acquisition);
    current_owner_ = owner;
    count_ = 1;
    for (Waiter* const waiter : line_) {
      if (waiter->owner == owner && waiter->signal) waiter->signal->notify();
    }
  }
  session_->add(acquisition, shared_from_this());
  session_->report(LockEvent::Kind::acquired, *acquisition);
  return acquisition;
}

std::optional<LocalLock::Acquired> LocalLock::reenter(Owner owner, const AcquireOptions& options) {
  if (!is_held_by(owner)) return std::nullopt;
  if (!options.reentrant) return Acquired(already_held(name_));
  ++count_;
  return Acquired(current_);
}

bool LocalLock::is_held_by(Owner owner) const {
  return current_ && current_owner_ == owner && count_ > 0 && current_->is_held();
}

Result<void> LocalLock::wait_in_line(const Place& place, const AcquireOptions& options, TimePoint deadline,
                                     const std::stop_token& stop) {
  Runtime& runtime = session_->runtime();
  TimePoint until = deadline;
  if (options.max_retries > 0) {
    until = std::min(
        until, saturating_add(runtime.now(), internal::saturating_product(listen_for(options), options.max_retries)));
  }
  const auto is_my_turn = [&] {
    mutex_.assert_held();
    return (line_.front() == &place.waiter && !is_taken_here()) || is_held_by(place.waiter.owner);
  };
  internal::LocalMutexLock lock(mutex_);
  if (is_my_turn()) return {};
  place.waiter.signal = runtime.make_signal();
  if (wait_until(*place.waiter.signal, lock.native(), until, stop, runtime, is_my_turn)) return {};
  if (stop.stop_requested()) return fail(errc::cancelled, "waiting for lock '" + name_ + "' was cancelled");
  if (until < deadline) return already_held(name_);
  return fail(errc::lock_timeout, "lock '" + name_ + "' was not free in time");
}

Result<LockGrant> LocalLock::ask_store(const AcquireOptions& options, const LockLease& lease, TimePoint deadline,
                                       const std::stop_token& stop) {
  Runtime& runtime = session_->runtime();
  const bool once = options.wait == Duration::zero();
  LockAcquirer::Question question;
  question.name = name_;
  question.key = key_;
  question.token = session_->make_token();
  question.lease = lease;
  question.deadline = once ? session_->step_deadline().at : deadline;
  question.once = once;
  question.max_retries = options.max_retries;
  question.listen_for = listen_for(options);
  question.stop = stop;
  LockAcquirer contender(runtime, session_->backend(), session_->options(), question);
  Result<LockGrant> grant = contender.contend();
  if (!grant && contender.may_have_written()) {
    LockCleaner::Job job;
    job.name = name_;
    job.key = key_;
    job.token = question.token;
    job.granted = contender.has_written();
    job.residue = contender.residue();
    job.not_before = runtime.now();
    const Duration longest = lease.stored + session_->options().max_clock_skew + session_->options().request_timeout;
    job.until = std::max(job.residue.until, saturating_add(runtime.now(), longest));
    session_->clean(std::move(job), grant.error());
  }
  return grant;
}

Result<Release> LocalLock::release(const std::shared_ptr<LockAcquisition>& acquisition) {
  const Result<LockSession::Operation> operation = session_->begin();
  if (!operation) return tl::unexpected<Error>(operation.error());
  {
    const internal::LocalMutexLock lock(mutex_);
    if (current_ != acquisition || !acquisition->is_held()) {
      return tl::unexpected<Error>(acquisition->why_not_held());
    }
    DEIMOS_ASSERT(count_ > 0, "what is held has holds");
    if (--count_ > 0) return Release::nested;
  }
  Result<Release> end = session_->release(acquisition);
  std::shared_ptr<LockAcquisition> ended;
  {
    const internal::LocalMutexLock lock(mutex_);
    if (current_ == acquisition) ended = std::move(current_);
    wake_first();
  }
  return end;
}

void LocalLock::lease_ended() {
  const internal::LocalMutexLock lock(mutex_);
  wake_first();
}

void LocalLock::wake_first() {
  if (!line_.empty() && line_.front()->signal) line_.front()->signal->notify();
}

bool LocalLock::is_taken_here() const { return current_ && (current_->is_held() || current_->is_releasing()); }

LocalLock::Owner LocalLock::owner_of(const AcquireOptions& options) const {
  if (options.owner) return {true, *options.owner};
  return {false, session_->runtime().current_task()};
}

Duration LocalLock::listen_for(const AcquireOptions& options) const {
  return options.retry_interval == Duration::zero() ? session_->options().poll_interval : options.retry_interval;
}

Result<void> LocalLock::lock(Duration wait) {
  AcquireOptions options;
  options.wait = wait;
  Acquired hold = acquire(options, {});
  if (!hold) return tl::unexpected<Error>(std::move(hold.error()));
  const internal::LocalMutexLock lock(mutex_);
  locked_.push_back({session_->runtime().current_task(), std::move(*hold)});
  return {};
}

void LocalLock::unlock() {
  if (!session_->runtime().is_of_this_process()) return;
  const TaskId task = session_->runtime().current_task();
  std::shared_ptr<LockAcquisition> acquisition;
  {
    const internal::LocalMutexLock lock(mutex_);
    const auto is_mine = [&](const Locked& locked) { return locked.task == task; };
    // Those lost first: an unlock that may be theirs must not end a later acquisition.
    auto chosen = std::find_if(locked_.begin(), locked_.end(),
                               [&](const Locked& locked) { return is_mine(locked) && !locked.acquisition->is_held(); });
    if (chosen == locked_.end()) chosen = std::find_if(locked_.begin(), locked_.end(), is_mine);
    if (chosen != locked_.end()) {
      acquisition = std::move(chosen->acquisition);
      locked_.erase(chosen);
    }
  }
  if (acquisition) {
    (void)release(acquisition);
  } else {
    session_->report({.kind = LockEvent::Kind::stray_unlock, .name = name_});
  }
}

std::shared_ptr<LockAcquisition> LocalLock::mine() const {
  if (!session_->runtime().is_of_this_process()) return nullptr;
  const TaskId task = session_->runtime().current_task();
  const internal::LocalMutexLock lock(mutex_);
  if (current_ && current_owner_ == Owner{false, task} && current_->is_held()) return current_;
  const auto last =
      std::find_if(locked_.rbegin(), locked_.rend(), [&](const Locked& locked) { return locked.task == task; });
  return last == locked_.rend() ? nullptr : last->acquisition;
}

}  // namespace deimos

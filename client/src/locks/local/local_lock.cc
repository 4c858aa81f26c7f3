#include "locks/local/local_lock.h"

#include <algorithm>
#include <utility>

#include <deimos/internal/assert.h>
#include <deimos/internal/saturating_time.h>

#include "locks/contest/lock_acquirer.h"
#include "locks/queue/queue_acquirer.h"
#include "locks/session/lock_options_check.h"
#include "runtime/stop_either.h"

namespace deimos {
namespace {

tl::unexpected<Error> already_held(const std::string& name) {
  return fail(errc::lock_already_held, "lock '" + name + "' is held by another owner of this process");
}

bool is_reader(const Claim& claim) { return claim.kind == LockKind::reader; }

}  // namespace

class LocalLock::Place {
 public:
  Place(LocalLock& state, Owner owner, const Claim& claim) DEIMOS_REQUIRES(state.mutex_) : state_(state) {
    waiter.owner = owner;
    waiter.claim = claim;
    state_.line_.push_back(&waiter);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    const internal::LocalMutexLock lock(state_.mutex_);
    std::erase(state_.line_, &waiter);
    state_.wake_line();
  }

  mutable Waiter waiter;

 private:
  LocalLock& state_;
};

LocalLock::LocalLock(std::shared_ptr<LockSession> session, std::string name, std::string key)
    : session_(std::move(session)), name_(std::move(name)), key_(std::move(key)) {}

LocalLock::Acquired LocalLock::acquire(const Claim& claim, const AcquireOptions& options, const std::stop_token& stop) {
  const Result<LockSession::Operation> operation = session_->begin();
  if (!operation) return tl::unexpected<Error>(operation.error());
  if (auto error = check_acquire_options(options)) return tl::unexpected<Error>(std::move(*error));
  const Result<LockLease> lease = lease_of(session_->options(), options.ttl.value_or(session_->options().ttl));
  if (!lease) return tl::unexpected<Error>(lease.error());
  if (const Result<void> started = session_->start(); !started) return tl::unexpected<Error>(started.error());
  const StopEither either(stop, session_->closing());
  Acquired hold = acquire_in_turn(claim, options, *lease, either.token());
  if (!hold && hold.error().code == errc::cancelled && session_->closing().stop_requested()) {
    return fail(errc::closed, "the lock manager was closed while lock '" + name_ + "' was waited for");
  }
  return hold;
}

LocalLock::Acquired LocalLock::acquire_in_turn(const Claim& claim, const AcquireOptions& options,
                                               const LockLease& lease, const std::stop_token& stop) {
  const TimePoint deadline = saturating_add(session_->runtime().now(), options.wait);
  const bool once = options.wait == Duration::zero();
  const Owner owner = owner_of(options);
  std::optional<Place> place;
  {
    const internal::LocalMutexLock lock(mutex_);
    if (auto nested = reenter(owner, claim, options)) return std::move(*nested);
    if (once && (is_taken_here(claim) || !is_first({owner, claim, nullptr}))) return already_held(name_);
    place.emplace(*this, owner, claim);
  }
  const TimePoint began = session_->runtime().now();
  session_->report({.kind = LockEvent::Kind::waiting, .name = name_});
  AcquireLimits limits;
  limits.name = name_;
  limits.lease = lease;
  limits.deadline = deadline;
  limits.once = once;
  limits.max_retries = options.max_retries;
  limits.listen_for = listen_for(options);
  limits.stop = stop;
  Acquired acquisition = wait_for_turn(*place, options, std::move(limits));
  place.reset();
  session_->report({.kind = LockEvent::Kind::waited,
                    .name = name_,
                    .fencing_token = acquisition ? (*acquisition)->fencing_token() : 0,
                    .error = acquisition ? std::nullopt : std::optional(acquisition.error()),
                    .duration = session_->runtime().now() - began});
  return acquisition;
}

LocalLock::Acquired LocalLock::wait_for_turn(const Place& place, const AcquireOptions& options, AcquireLimits limits) {
  const auto& [owner, claim, signal] = place.waiter;
  if (const Result<void> first = wait_in_line(place, options, limits.deadline, limits.stop); !first) {
    return tl::unexpected<Error>(first.error());
  }
  {
    const internal::LocalMutexLock lock(mutex_);
    if (auto nested = reenter(owner, claim, options)) return std::move(*nested);
  }
  if (limits.once) limits.deadline = session_->step_deadline().at;
  Acquired acquisition = ask_store(claim, options, limits);
  if (!acquisition) return acquisition;
  std::vector<Holder> ended;
  {
    const internal::LocalMutexLock lock(mutex_);
    DEIMOS_ASSERT(!is_taken_here(claim), "what excludes each other is not held at once");
    ended = take_ended();
    holders_.push_back({owner, claim, 1, *acquisition});
    wake_same(owner);
  }
  session_->report(LockEvent::Kind::acquired, **acquisition);
  return acquisition;
}

std::optional<LocalLock::Acquired> LocalLock::reenter(Owner owner, const Claim& claim, const AcquireOptions& options) {
  Holder* const holder = held_by(owner, claim);
  if (holder == nullptr) return std::nullopt;
  if (!options.reentrant) return Acquired(already_held(name_));
  if (!holder->claim.covers(claim)) {
    return Acquired(fail(errc::would_deadlock, "this owner holds '" + name_ +
                                                   "' shared: it cannot become exclusive while others may hold it so"));
  }
  ++holder->count;
  return Acquired(holder->acquisition);
}

LocalLock::Holder* LocalLock::held_by(Owner owner, const Claim& claim) {
  if (!claim.is_reentrant()) return nullptr;
  const auto holder = std::ranges::find_if(
      holders_, [&](const Holder& one) { return one.owner == owner && one.count > 0 && one.acquisition->is_held(); });
  return holder == holders_.end() ? nullptr : &*holder;
}

Result<void> LocalLock::wait_in_line(const Place& place, const AcquireOptions& options, TimePoint deadline,
                                     const std::stop_token& stop) {
  Runtime& runtime = session_->runtime();
  TimePoint until = deadline;
  if (options.max_retries > 0) {
    until = std::min(
        until, saturating_add(runtime.now(), internal::saturating_product(listen_for(options), options.max_retries)));
  }
  const Waiter& waiter = place.waiter;
  const auto is_my_turn = [&] {
    mutex_.assert_held();
    return (is_first(waiter) && !is_taken_here(waiter.claim)) || held_by(waiter.owner, waiter.claim) != nullptr;
  };
  internal::LocalMutexLock lock(mutex_);
  if (is_my_turn()) return {};
  place.waiter.signal = runtime.make_signal();
  if (wait_until(*place.waiter.signal, lock.native(), until, stop, runtime, is_my_turn)) return {};
  if (stop.stop_requested()) return fail(errc::cancelled, "waiting for lock '" + name_ + "' was cancelled");
  if (until < deadline) return already_held(name_);
  return fail(errc::lock_timeout, "lock '" + name_ + "' was not free in time");
}

LocalLock::Acquired LocalLock::ask_store(const Claim& claim, const AcquireOptions& options,
                                         const AcquireLimits& limits) {
  if (claim.kind == LockKind::mutex) return contest(options, limits);
  QueueRequest request;
  request.name = name_;
  request.queue = key_;
  request.value.kind = claim.kind;
  request.value.permits = claim.permits;
  request.value.message = claim.message;
  request.permits = claim.limit;
  QueueAcquirer queue(*session_, std::move(request), limits, {options.max_hold, options.auto_renew, options.on_lost},
                      shared_from_this());
  return queue.wait_for_turn();
}

LocalLock::Acquired LocalLock::contest(const AcquireOptions& options, const AcquireLimits& limits) {
  Runtime& runtime = session_->runtime();
  const std::string token = session_->make_token();
  LockAcquirer contender(runtime, session_->backend(), session_->options(), key_, token, limits);
  Result<LockGrant> grant = contender.contend();
  if (grant) {
    const auto acquisition = std::make_shared<LockAcquisition>(
        session_->shared_runtime(), name_, key_, limits.lease, std::move(*grant),
        LockAcquisition::AcquisitionOptions{options.max_hold, options.auto_renew, options.on_lost});
    session_->add(acquisition, shared_from_this());
    return acquisition;
  }
  if (contender.may_have_written()) {
    LockCleaner::Job job;
    job.name = name_;
    job.record = {key_, token, token, token, 0, false};
    job.granted = contender.has_written();
    job.residue = contender.residue();
    job.not_before = runtime.now();
    const Duration longest = longest_trace(limits.lease, session_->options());
    job.until = std::max(job.residue.until, saturating_add(runtime.now(), longest));
    session_->clean(std::move(job), grant.error());
  }
  return tl::unexpected<Error>(std::move(grant.error()));
}

Result<Release> LocalLock::release(const std::shared_ptr<LockAcquisition>& acquisition) {
  const Result<LockSession::Operation> operation = session_->begin();
  if (!operation) return tl::unexpected<Error>(operation.error());
  {
    const internal::LocalMutexLock lock(mutex_);
    const auto holder = std::ranges::find(holders_, acquisition, &Holder::acquisition);
    if (holder == holders_.end() || !acquisition->is_held()) return tl::unexpected<Error>(acquisition->why_not_held());
    DEIMOS_ASSERT(holder->count > 0, "what is held has holds");
    if (--holder->count > 0) return Release::nested;
  }
  Result<Release> end = session_->release(acquisition);
  std::vector<Holder> ended;
  {
    const internal::LocalMutexLock lock(mutex_);
    ended = take_ended();
    wake_line();
  }
  return end;
}

void LocalLock::lease_ended() {
  const internal::LocalMutexLock lock(mutex_);
  wake_line();
}

std::vector<LocalLock::Holder> LocalLock::take_ended() {
  const auto ended = std::ranges::stable_partition(holders_, [](const Holder& holder) {
    return holder.acquisition->is_held() || holder.acquisition->is_releasing();
  });
  std::vector<Holder> taken(std::make_move_iterator(ended.begin()), std::make_move_iterator(ended.end()));
  holders_.erase(ended.begin(), ended.end());
  return taken;
}

bool LocalLock::is_first(const Waiter& waiter) const {
  for (const Waiter* const other : line_) {
    if (other == &waiter) return true;
    if (waiter.claim.lines_up_behind(other->claim)) return false;
  }
  return true;
}

void LocalLock::wake_line() {
  for (const Waiter* const waiter : line_) {
    if (waiter->signal && !is_taken_here(waiter->claim)) waiter->signal->notify();
    if (!is_reader(waiter->claim)) return;  // Everybody behind it waits for it.
  }
}

void LocalLock::wake_same(Owner owner) {
  for (const Waiter* const waiter : line_) {
    if (waiter->owner == owner && waiter->signal) waiter->signal->notify();
  }
}

bool LocalLock::is_taken_here(const Claim& claim) const {
  return std::ranges::any_of(holders_, [&](const Holder& holder) {
    return claim.excludes(holder.claim) && (holder.acquisition->is_held() || holder.acquisition->is_releasing());
  });
}

LocalLock::Owner LocalLock::owner_of(const AcquireOptions& options) const {
  if (options.owner) return {true, *options.owner};
  return {false, session_->runtime().current_task()};
}

Duration LocalLock::listen_for(const AcquireOptions& options) const {
  return options.retry_interval == Duration::zero() ? session_->options().poll_interval : options.retry_interval;
}

void LocalLock::lock(const Result<std::shared_ptr<LocalLock>>& lock, const Claim& claim) {
  if (!lock) throw LockError(lock.error());
  if (const Result<void> locked = (*lock)->lock_within(claim, Duration::max()); !locked)
    throw LockError(locked.error());
}

bool LocalLock::try_lock(const Result<std::shared_ptr<LocalLock>>& lock, const Claim& claim, Duration wait) {
  if (!lock) throw LockError(lock.error());
  const Result<void> locked = (*lock)->lock_within(claim, std::max(wait, Duration::zero()));
  if (locked) return true;
  const std::error_code& code = locked.error().code;
  if (code == errc::lock_already_held || code == errc::lock_timeout || code == errc::would_deadlock) return false;
  throw LockError(locked.error());
}

void LocalLock::unlock(const Result<std::shared_ptr<LocalLock>>& lock, bool shared) noexcept {
  if (!lock) return;
  try {
    (*lock)->unlock_one(shared);
  } catch (...) {  // Out of memory: the lease ends by itself.
  }
}

Result<void> LocalLock::lock_within(const Claim& claim, Duration wait) {
  AcquireOptions options;
  options.wait = wait;
  Acquired hold = acquire(claim, options, {});
  if (!hold) return tl::unexpected<Error>(std::move(hold.error()));
  const internal::LocalMutexLock lock(mutex_);
  locked_.push_back({session_->runtime().current_task(), is_reader(claim), std::move(*hold)});
  return {};
}

void LocalLock::unlock_one(bool shared) {
  if (!session_->runtime().is_of_this_process()) return;
  const TaskId task = session_->runtime().current_task();
  std::shared_ptr<LockAcquisition> acquisition;
  {
    const internal::LocalMutexLock lock(mutex_);
    const auto is_mine = [&](const Locked& locked) { return locked.task == task && locked.shared == shared; };
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
  const auto holder = std::ranges::find_if(holders_, [&](const Holder& one) {
    return one.owner == Owner{false, task} && one.acquisition->is_held();
  });
  if (holder != holders_.end()) return holder->acquisition;
  const auto last =
      std::find_if(locked_.rbegin(), locked_.rend(), [&](const Locked& locked) { return locked.task == task; });
  return last == locked_.rend() ? nullptr : last->acquisition;
}

Result<void> LocalLock::downgrade(const std::shared_ptr<LockAcquisition>& acquisition, std::stop_token stop) {
  LockValue value = lock_value_of(acquisition->record().wanted);
  if (value.kind == LockKind::reader) return {};
  if (value.kind != LockKind::writer) {
    return fail(errc::invalid_argument, "'" + name_ + "' is no SharedMutex: there is no shared hold of it");
  }
  {
    const internal::LocalMutexLock lock(mutex_);
    for (Holder& holder : holders_) {
      if (holder.acquisition == acquisition) holder.claim.kind = LockKind::reader;
    }
    for (Locked& locked : locked_) {
      if (locked.acquisition == acquisition) locked.shared = true;
    }
    wake_line();
  }
  value.kind = LockKind::reader;
  const Result<void> written = session_->rewrite(acquisition, text_of(value), std::move(stop));
  // What is unclear is written again with the next renewal.
  if (!written && !acquisition->is_held()) return tl::unexpected<Error>(acquisition->why_not_held());
  return {};
}

}  // namespace deimos

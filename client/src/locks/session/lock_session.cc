#include "locks/session/lock_session.h"

#include <algorithm>
#include <exception>

#include "locks/mutex/local_lock.h"
#include "locks/session/lock_name.h"

namespace deimos {
namespace {

/// An error whose text is for the lock of that name.
Error closed_error() { return fail(errc::closed, "the lock manager is closed").value(); }

std::string with_slash(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '/') prefix.pop_back();
  return prefix + '/';
}

std::optional<Error> check(const LockOptions& options) {
  const auto refuse = [](std::string why) { return fail(errc::invalid_argument, std::move(why)).value(); };
  if (auto error = check_lock_prefix(options.prefix)) return error;
  if (!(options.max_clock_rate_error >= 0 && options.max_clock_rate_error <= 0.5)) {
    return refuse("max_clock_rate_error is 0 to 0.5");
  }
  if (options.max_clock_skew < Duration::zero()) return refuse("max_clock_skew is not negative");
  if (options.request_timeout <= Duration::zero()) return refuse("request_timeout is greater than 0");
  if (options.poll_interval <= Duration::zero()) return refuse("poll_interval is greater than 0");
  if (options.renewal_interval < Duration::zero()) return refuse("renewal_interval is not negative");
  if (auto error = check_lock_owner(options.owner)) return error;
  const Result<LockLease> lease = lease_of(options, options.ttl);
  if (!lease) return lease.error();
  if (options.renewal_interval > lease->usable / 2) {
    return refuse(
        "renewal_interval leaves no time for a second attempt: at most half of what ttl leaves after the "
        "margin");
  }
  return std::nullopt;
}

}  // namespace

LockSession::LockSession(std::shared_ptr<LockBackend> backend, std::shared_ptr<Runtime> runtime, LockOptions options)
    : backend_(std::move(backend)),
      runtime_(std::move(runtime)),
      options_(std::move(options)),
      prefix_(with_slash(options_.prefix)),
      bad_options_(check(options_)),
      renewal_(*this),
      watchdog_(*this),
      announcer_(*runtime_),
      cleaner_(*runtime_, *backend_, options_,
               [this](LockEvent::Kind kind, const LockCleaner::Job& job) {
                 report({.kind = kind, .name = job.name, .fencing_token = job.fencing_token});
               }),
      idle_(runtime_->make_signal()) {}

Deadline LockSession::step_deadline(std::stop_token stop) const {
  return {saturating_add(runtime_->now(), options_.request_timeout), std::move(stop)};
}

Result<LockSession::Operation> LockSession::begin() {
  const internal::LocalMutexLock lock(mutex_);
  if (bad_options_) return tl::unexpected<Error>(*bad_options_);
  if (closed_) return tl::unexpected<Error>(closed_error());
  ++operations_;
  return Operation(*this);
}

void LockSession::end_operation() noexcept {
  {
    const internal::LocalMutexLock lock(mutex_);
    --operations_;
    if (operations_ > 0 || !closed_) return;
  }
  idle_->notify();
}

Result<std::string> LockSession::key_of(std::string_view name) const {
  if (auto error = check_lock_name(name)) return tl::unexpected<Error>(std::move(*error));
  return prefix_ + std::string(name);
}

std::string LockSession::name_of(std::string_view key) const {
  return std::string(key.starts_with(prefix_) ? key.substr(prefix_.size()) : key);
}

Result<std::shared_ptr<LocalLock>> LockSession::lock_named(std::string_view name) {
  Result<std::string> key = key_of(name);
  if (!key) return tl::unexpected<Error>(std::move(key.error()));
  const internal::LocalMutexLock lock(mutex_);
  const auto known = states_.find(name);
  if (known != states_.end()) {
    if (auto state = known->second.lock()) return state;
  }
  if (states_.size() >= prune_at_) {
    std::erase_if(states_, [](const auto& entry) { return entry.second.expired(); });
    prune_at_ = 2 * states_.size() + 64;
  }
  auto state = std::make_shared<LocalLock>(shared_from_this(), std::string(name), std::move(*key));
  states_[std::string(name)] = state;
  return state;
}

std::string LockSession::make_token() const {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string token = options_.owner.empty() ? std::string() : options_.owner + ':';
  for (int half = 0; half < 2; ++half) {
    std::uint64_t bits = runtime_->random();
    for (int digit = 0; digit < 16; ++digit, bits >>= 4U) token += digits[bits & 0xfU];
  }
  return token;
}

Result<void> LockSession::start() {
  const internal::LocalMutexLock lock(mutex_);
  if (started_) return {};
  // The tasks keep the session alive, so that one of them may drop the last reference to all else.
  const auto self = shared_from_this();
  try {
    std::vector<std::unique_ptr<Task>> tasks;
    tasks.push_back(
        runtime_->spawn("lock watchdog", [self](const std::stop_token& stop) { self->watchdog_.run(stop); }));
    tasks.push_back(runtime_->spawn("lock renewal", [self](const std::stop_token& stop) { self->renewal_.run(stop); }));
    tasks.push_back(runtime_->spawn("lock cleaner", [self](const std::stop_token& stop) { self->cleaner_.run(stop); }));
    announcer_.start(self);
    tasks_ = std::move(tasks);
  } catch (const std::exception& problem) {
    return fail(errc::unavailable, std::string("the tasks of the lock manager cannot be started: ") + problem.what());
  }
  started_ = true;
  return {};
}

void LockSession::add(const std::shared_ptr<LockAcquisition>& acquisition, std::shared_ptr<LocalLock> state) {
  {
    const internal::LocalMutexLock lock(mutex_);
    held_[acquisition->token()] = {acquisition, std::move(state)};
  }
  watchdog_.consider(*acquisition);
  renewal_.consider(*acquisition);
}

std::optional<LockSession::Held> LockSession::remove(const LockAcquisition& acquisition) {
  const internal::LocalMutexLock lock(mutex_);
  const auto entry = held_.find(acquisition.token());
  if (entry == held_.end()) return std::nullopt;
  std::optional<Held> held = std::move(entry->second);
  held_.erase(entry);
  return held;
}

LockCleaner::Job LockSession::job_for(const LockAcquisition& acquisition, bool granted) const {
  LockCleaner::Job job;
  job.name = acquisition.name();
  job.key = acquisition.key();
  job.token = acquisition.token();
  job.fencing_token = acquisition.fencing_token();
  job.granted = granted;
  job.residue = acquisition.residue();
  job.not_before = runtime_->now();
  job.until = job.residue.until;
  if (granted) {
    // Requests that are still under way may start its lease anew for the last time.
    const Duration slack = options_.request_timeout + options_.max_clock_skew;
    job.until = std::max(job.until, saturating_add(acquisition.last_trace(), slack));
  }
  return job;
}

Result<Release> LockSession::release(const std::shared_ptr<LockAcquisition>& acquisition) {
  if (!acquisition->begin_release()) return tl::unexpected<Error>(acquisition->why_not_held());
  const std::optional<Held> held = remove(*acquisition);
  // No stop_token: a caller that is cancelled gives its lock back all the same.
  const Result<void> removed = backend_->release(acquisition->key(), acquisition->token(), step_deadline());
  acquisition->finish_release();
  if (!removed && removed.error().code != errc::lock_not_held) {
    clean(job_for(*acquisition, true), removed.error());
    return Release::in_background;
  }
  const InDoubtWrites& residue = acquisition->residue();
  if (residue.unresolved > 0 && runtime_->now() < residue.until) cleaner_.add(job_for(*acquisition, false));
  if (!removed) return tl::unexpected<Error>(removed.error());
  report(LockEvent::Kind::released, *acquisition);
  return Release::freed;
}

Result<void> LockSession::renew(const std::shared_ptr<LockAcquisition>& acquisition, std::stop_token stop) {
  const Result<Operation> operation = begin();
  if (!operation) return tl::unexpected<Error>(operation.error());
  Deadline bounds = step_deadline(std::move(stop));
  bounds.at = std::min(bounds.at, acquisition->deadline());
  return renewal_.renew(acquisition, bounds);
}

void LockSession::pause_renewal(const std::shared_ptr<LockAcquisition>& acquisition, bool paused) {
  acquisition->pause_renewal(paused);
  if (!paused) renewal_.consider(*acquisition);
}

void LockSession::lose(const std::shared_ptr<LockAcquisition>& acquisition, const Error& why) {
  if (!acquisition->lose(why)) return;
  const std::optional<Held> held = remove(*acquisition);
  announcer_.announce([self = shared_from_this(), acquisition, why] {
    acquisition->announce_loss([&] { self->report(LockEvent::Kind::lost, *acquisition, why); });
  });
  if (held) held->state->wake();
  if (why.code == errc::lock_expired) {
    LockCleaner::Job job = job_for(*acquisition, true);
    // Not before the store could have ended the lease itself: its holder has until then to stop.
    job.not_before = acquisition->last_trace();
    cleaner_.add(std::move(job));
  } else if (acquisition->residue().unresolved > 0) {
    cleaner_.add(job_for(*acquisition, false));
  }
}

void LockSession::lose_token(const std::string& token, const Error& why) {
  std::shared_ptr<LockAcquisition> acquisition;
  {
    const internal::LocalMutexLock lock(mutex_);
    const auto entry = held_.find(token);
    if (entry == held_.end()) return;
    acquisition = entry->second.acquisition;
  }
  lose(acquisition, why);
}

bool LockSession::holds_token(const std::string& token) const {
  const internal::LocalMutexLock lock(mutex_);
  return held_.contains(token);
}

void LockSession::clean(LockCleaner::Job job, const Error& why) {
  report(
      {.kind = LockEvent::Kind::left_to_cleaner, .name = job.name, .fencing_token = job.fencing_token, .error = why});
  cleaner_.add(std::move(job));
}

void LockSession::for_each_held(const std::function<void(const std::shared_ptr<LockAcquisition>&)>& look) const {
  const internal::LocalMutexLock lock(mutex_);
  for (const auto& [token, held] : held_) look(held.acquisition);
}

void LockSession::report(LockEvent event) const noexcept {
  if (!options_.on_event) return;
  try {
    options_.on_event(event);
  } catch (...) {  // Promised to be swallowed: reporting breaks nothing.
  }
}

void LockSession::report(LockEvent::Kind kind, const LockAcquisition& acquisition,
                         std::optional<Error> error) const noexcept {
  if (!options_.on_event) return;
  report({.kind = kind,
          .name = acquisition.name(),
          .fencing_token = acquisition.fencing_token(),
          .error = std::move(error)});
}

void LockSession::close() noexcept {
  {
    const internal::LocalMutexLock lock(mutex_);
    if (closed_) return;
    closed_ = true;
  }
  closing_.request_stop();
  {
    internal::LocalMutexLock lock(mutex_);
    // Every operation ends at the latest with its request.
    const TimePoint patience = saturating_add(runtime_->now(), 2 * options_.request_timeout);
    wait_until(*idle_, lock.native(), patience, {}, *runtime_, [this] {
      mutex_.assert_held();
      return operations_ == 0;
    });
  }
  const TimePoint deadline = saturating_add(runtime_->now(), options_.request_timeout);
  release_everything(deadline);
  std::vector<std::unique_ptr<Task>> tasks;
  {
    const internal::LocalMutexLock lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const std::unique_ptr<Task>& task : tasks) task->request_stop();
  tasks.clear();
  cleaner_.finish(deadline);
  announcer_.stop();
}

bool LockSession::try_release(const LockAcquisition& acquisition, TimePoint deadline) noexcept {
  try {
    return backend_->release(acquisition.key(), acquisition.token(), {deadline, {}}).has_value();
  } catch (...) {  // Whatever a store throws: the lease ends by itself.
    return false;
  }
}

void LockSession::release_everything(TimePoint deadline) {
  std::vector<std::shared_ptr<LockAcquisition>> held;
  for_each_held([&](const std::shared_ptr<LockAcquisition>& acquisition) { held.push_back(acquisition); });
  for (const auto& acquisition : held) {
    if (!acquisition->begin_release()) {
      lose(acquisition, acquisition->why_not_held());  // Its lease has ended, and the watchdog had no time to say so.
      continue;
    }
    const std::optional<Held> removed = remove(*acquisition);
    const bool freed = runtime_->now() < deadline && try_release(*acquisition, deadline);
    acquisition->finish_release();
    report(freed ? LockEvent::Kind::released : LockEvent::Kind::left_to_expire, *acquisition);
  }
}

}  // namespace deimos

#include "locks/session/lock_session.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <mutex>
#include <utility>

#include <deimos/internal/assert.h>

#include "locks/session/lock_name.h"
#include "locks/session/lock_options_check.h"
#include "locks/session/own_record.h"

namespace deimos {
namespace {

/// An error whose text is for the lock of that name.
Error closed_error() { return fail(errc::closed, "the lock manager is closed").value(); }

std::string with_slash(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '/') prefix.pop_back();
  return prefix + '/';
}

}  // namespace

LockSession::LockSession(std::shared_ptr<LockBackend> backend, std::shared_ptr<Runtime> runtime, LockOptions options)
    : backend_(std::move(backend)),
      runtime_(std::move(runtime)),
      options_(std::move(options)),
      prefix_(with_slash(options_.prefix)),
      bad_options_(check_lock_options(options_)),
      renewal_(*runtime_, *backend_, held_, options_.max_renewals_at_once,
               {.lose = [this](const auto& acquisition, const Error& why) { lose(acquisition, why); },
                .report = [this](LockEvent::Kind kind, const LockAcquisition& acquisition, std::optional<Error> error,
                                 std::optional<Duration> lag) { report(kind, acquisition, std::move(error), lag); }}),
      watchdog_(*runtime_, held_, [this](const auto& acquisition) { lose(acquisition, acquisition->why_not_held()); }),
      announcer_(*runtime_, "lock announcer", std::numeric_limits<std::size_t>::max(), 1),
      cleaner_(*runtime_, *backend_, options_,
               [this](LockEvent::Kind kind, const LockCleaner::Job& job) {
                 report({.kind = kind, .name = job.name, .fencing_token = job.fencing_token});
               }),
      requests_(directory(requests_directory()),
                [this](const ReleaseRequests::Addressed& asked) { ask_to_release(asked); }),
      idle_(runtime_->make_signal()) {}

Deadline LockSession::step_deadline(std::stop_token stop) const {
  return {saturating_add(runtime_->now(), options_.request_timeout), std::move(stop)};
}

Result<LockSession::Operation> LockSession::begin() {
  if (!runtime_->is_of_this_process()) return tl::unexpected<Error>(error_after_fork());
  const internal::LocalMutexLock lock(mutex_);
  if (bad_options_) return tl::unexpected<Error>(*bad_options_);
  if (closed_) return tl::unexpected<Error>(closed_error());
  const TaskId task = runtime_->current_task();
  operations_.insert(task);
  return Operation(*this, task);
}

void LockSession::end_operation(TaskId task) noexcept {
  {
    const internal::LocalMutexLock lock(mutex_);
    const auto operation = operations_.find(task);
    DEIMOS_ASSERT(operation != operations_.end(), "what ends has begun");
    operations_.erase(operation);
    if (!closed_) return;
  }
  idle_->notify();
}

/// A caller of close() from within its own operation (from on_event) is not waited for.
bool LockSession::others_at_work() const { return operations_.count(runtime_->current_task()) != operations_.size(); }

Result<std::string> LockSession::key_of(std::string_view name) const {
  if (auto error = check_lock_name(name)) return tl::unexpected<Error>(std::move(*error));
  return prefix_ + std::string(name);
}

std::string LockSession::name_of(std::string_view key) const {
  return std::string(key.starts_with(prefix_) ? key.substr(prefix_.size()) : key);
}

bool LockSession::is_hidden(std::string_view key) const {
  return key.starts_with(prefix_) && key.find("/_", prefix_.size() - 1) != std::string_view::npos;
}

FollowedDirectory LockSession::directory(std::string path) const {
  return {*runtime_, *backend_, options_, std::move(path)};
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
  const internal::LocalMutexLock starting(starting_);
  if (started_) return {};
  // The tasks keep the session alive, so that one of them may drop the last reference to all else.
  const auto self = shared_from_this();
  std::vector<std::unique_ptr<Task>> tasks;
  try {
    const auto spawn = [&](const char* name, auto& part) {
      tasks.push_back(runtime_->spawn(name, [self, &part](const std::stop_token& stop) { part.run(stop); }));
    };
    spawn("lock watchdog", watchdog_);
    spawn("lock renewals", renewal_);
    spawn("lock cleaner", cleaner_);
    announcer_.start(self);
    renewal_.start(self);
  } catch (const std::exception& problem) {
    return fail(errc::unavailable, std::string("the tasks of the lock manager cannot be started: ") + problem.what());
  }
  started_ = true;
  const internal::LocalMutexLock lock(mutex_);
  if (closed_) return tl::unexpected<Error>(closed_error());  // Nobody would end them.
  tasks_ = std::move(tasks);
  return {};
}

void LockSession::add(const std::shared_ptr<LockAcquisition>& acquisition, std::shared_ptr<LeaseUser> user) {
  held_.add({acquisition, std::move(user)});
  watchdog_.consider(*acquisition);
  renewal_.consider(*acquisition);
  consider_requests(acquisition);
}

bool LockSession::admit(const std::shared_ptr<LockAcquisition>& acquisition) {
  if (!acquisition->admit()) return false;
  renewal_.consider(*acquisition);
  watchdog_.consider(*acquisition);
  consider_requests(acquisition);
  return true;
}

void LockSession::abandon(const std::shared_ptr<LockAcquisition>& acquisition, const Error& why, bool at_once) {
  if (!acquisition->abandon()) return;
  const auto held = held_.remove(*acquisition);
  if (at_once && remove_record(*backend_, acquisition->record(), step_deadline())) return;
  clean(job_for(*acquisition, true), why);
}

void LockSession::want_text(const std::shared_ptr<LockAcquisition>& acquisition, std::string text) {
  acquisition->want_text(std::move(text));
  renewal_.consider(*acquisition);
}

Result<void> LockSession::rewrite(const std::shared_ptr<LockAcquisition>& acquisition, std::string text,
                                  std::stop_token stop) {
  acquisition->want_text(std::move(text));
  return renew(acquisition, std::move(stop));
}

LockCleaner::Job LockSession::job_for(const LockAcquisition& acquisition, bool granted) const {
  LockCleaner::Job job;
  job.name = acquisition.name();
  job.record = acquisition.record();
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
  const auto held = held_.remove(*acquisition);
  // No stop_token: a caller that is cancelled gives its lock back all the same.
  const Result<void> removed = remove_record(*backend_, acquisition->record(), step_deadline());
  acquisition->finish_release();
  if (!removed && removed.error().code != errc::lock_not_held) {
    clean(job_for(*acquisition, true), removed.error(), acquisition->held_for());
    return Release::in_background;
  }
  const InDoubtWrites& residue = acquisition->residue();
  if (residue.unresolved > 0 && runtime_->now() < residue.until) cleaner_.add(job_for(*acquisition, false));
  if (!removed) {
    report(LockEvent::Kind::lost, *acquisition, removed.error(), acquisition->held_for());
    return tl::unexpected<Error>(removed.error());
  }
  report(LockEvent::Kind::released, *acquisition, std::nullopt, acquisition->held_for());
  return Release::freed;
}

Result<void> LockSession::renew(const std::shared_ptr<LockAcquisition>& acquisition, std::stop_token stop) {
  const Result<Operation> operation = begin();
  if (!operation) return tl::unexpected<Error>(operation.error());
  Deadline bounds = step_deadline(std::move(stop));
  bounds.at = std::min(bounds.at, acquisition->deadline());
  Result<void> renewed = renewal_.renew(acquisition, bounds);
  renewal_.consider(*acquisition);
  return renewed;
}

void LockSession::pause_renewal(const std::shared_ptr<LockAcquisition>& acquisition, bool paused) {
  if (!runtime_->is_of_this_process()) return;
  acquisition->pause_renewal(paused);
  renewal_.consider(*acquisition);
}

void LockSession::listen_for_requests() {
  if (!runtime_->is_of_this_process()) return;
  const internal::LocalMutexLock starting(starting_);
  if (listens_ || !started_) return;
  std::unique_ptr<Task> task;
  try {
    task = runtime_->spawn("lock requests",
                           [self = shared_from_this()](const std::stop_token& stop) { self->requests_.run(stop); });
  } catch (const std::exception&) {  // Tried again by the next who wants to listen.
    return;
  }
  listens_ = true;
  const internal::LocalMutexLock lock(mutex_);
  if (!closed_) tasks_.push_back(std::move(task));
}

void LockSession::ask_to_release(const ReleaseRequests::Addressed& asked) {
  for (const auto& acquisition : held_.all()) {
    if (acquisition->name() != asked.name || acquisition->fencing_token() > asked.up_to) continue;
    if (acquisition->is_held()) ask_to_release(acquisition, asked.request);
  }
}

void LockSession::ask_to_release(const std::shared_ptr<LockAcquisition>& acquisition, const ReleaseRequest& request) {
  // Stop callbacks are the user's code.
  announcer_.submit([self = shared_from_this(), acquisition, request] {
    if (acquisition->ask_to_release(request)) self->report(LockEvent::Kind::asked_to_release, *acquisition);
  });
}

void LockSession::consider_requests(const std::shared_ptr<LockAcquisition>& acquisition) {
  const auto request = requests_.find(acquisition->name(), acquisition->fencing_token());
  if (request && acquisition->is_held()) ask_to_release(acquisition, *request);
}

void LockSession::announce(const std::shared_ptr<LockAcquisition>& acquisition, const Error& why) {
  announcer_.submit([self = shared_from_this(), acquisition, why] {
    // Noticed by whoever closes, even if a stop_callback of the user's blocks.
    const std::stop_callback told(acquisition->lost(), [&] { self->idle_->notify(); });
    acquisition->announce_loss(
        [&] { self->report(LockEvent::Kind::lost, *acquisition, why, acquisition->held_for()); });
  });
}

void LockSession::tell_of_loss(const std::shared_ptr<LockAcquisition>& acquisition, LockAcquisition::State before,
                               const Error& why) {
  if (before == LockAcquisition::State::held) {
    announce(acquisition, why);
  } else {
    acquisition->place_lost();
    report(LockEvent::Kind::place_lost, *acquisition, why);
  }
}

void LockSession::lose(const std::shared_ptr<LockAcquisition>& acquisition, const Error& why) {
  const std::optional<LockAcquisition::State> before = acquisition->lose(why);
  if (!before) return;
  const auto held = held_.remove(*acquisition);
  tell_of_loss(acquisition, *before, why);
  if (held) held->user->lease_ended();
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
  if (const auto acquisition = held_.find(token)) lose(acquisition, why);
}

bool LockSession::holds_token(const std::string& token) const { return held_.find(token) != nullptr; }

void LockSession::clean(LockCleaner::Job job, const Error& why, std::optional<Duration> held) {
  report({.kind = LockEvent::Kind::left_to_cleaner,
          .name = job.name,
          .fencing_token = job.fencing_token,
          .error = why,
          .duration = held});
  cleaner_.add(std::move(job));
}

void LockSession::report(LockEvent event) const noexcept {
  if (!options_.on_event) return;
  try {
    options_.on_event(event);
  } catch (...) {  // Promised to be swallowed: reporting breaks nothing.
  }
}

void LockSession::report(LockEvent::Kind kind, const LockAcquisition& acquisition, std::optional<Error> error,
                         std::optional<Duration> duration) const noexcept {
  if (!options_.on_event) return;
  report({.kind = kind,
          .name = acquisition.name(),
          .fencing_token = acquisition.fencing_token(),
          .error = std::move(error),
          .duration = duration});
}

void LockSession::close() noexcept {
  if (!runtime_->is_of_this_process()) return;
  {
    const internal::LocalMutexLock lock(mutex_);
    if (closed_) return;
    closed_ = true;
  }
  closing_.request_stop();
  {
    internal::LocalMutexLock lock(mutex_);
    // Every operation ends at the latest with its request.
    const TimePoint patience = saturating_add(runtime_->now(), options_.request_timeout);
    wait_until(*idle_, lock.native(), patience, {}, *runtime_, [this] {
      mutex_.assert_held();
      return !others_at_work();
    });
  }
  const TimePoint deadline = saturating_add(runtime_->now(), options_.request_timeout);
  release(lose_everything(deadline), deadline);
  std::vector<std::unique_ptr<Task>> tasks;
  {
    const internal::LocalMutexLock lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const std::unique_ptr<Task>& task : tasks) task->request_stop();
  tasks.clear();
  renewal_.stop(deadline);
  cleaner_.finish(deadline);
  announcer_.stop(deadline);
}

bool LockSession::try_release(const LockAcquisition& acquisition, TimePoint deadline) noexcept {
  try {
    return remove_record(*backend_, acquisition.record(), {deadline, {}}).has_value();
  } catch (...) {  // Whatever a store throws: the lease ends by itself.
    return false;
  }
}

std::vector<std::shared_ptr<LockAcquisition>> LockSession::lose_everything(TimePoint deadline) {
  std::vector<std::shared_ptr<LockAcquisition>> lost;
  for (const auto& acquisition : held_.all()) {
    const Error why = acquisition->is_live() ? closed_error() : acquisition->why_not_held();
    const std::optional<LockAcquisition::State> before = acquisition->lose(why);
    if (!before) continue;
    const auto held = held_.remove(*acquisition);
    tell_of_loss(acquisition, *before, why);
    if (held) held->user->lease_ended();
    lost.push_back(acquisition);
  }
  // Whoever works under one of these locks hears of it before the store does, and gives it to others.
  std::mutex mutex;
  std::unique_lock lock(mutex);
  wait_until(*idle_, lock, deadline, {}, *runtime_, [&] {
    return std::ranges::all_of(lost, [](const auto& acquisition) { return acquisition->lost().stop_requested(); });
  });
  return lost;
}

void LockSession::release(const std::vector<std::shared_ptr<LockAcquisition>>& lost, TimePoint deadline) {
  for (const auto& acquisition : lost) {
    const bool freed = runtime_->now() < deadline && try_release(*acquisition, deadline);
    report(freed ? LockEvent::Kind::released : LockEvent::Kind::left_to_expire, *acquisition);
  }
}

}  // namespace deimos

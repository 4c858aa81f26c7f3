#include "locks/mutex/lock_acquirer.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

namespace deimos {
namespace {

constexpr Duration first_pause = std::chrono::milliseconds(20);
constexpr int most_doublings = 7;  // To about 2.5 s.
/// Whoever answers so often in a row, and never as a store does, is none: a proxy, or a store that wants a password.
constexpr int most_strange_answers = 5;

bool may_pass(const Error& error) {
  return error.code == condition::retryable || error.code == condition::outcome_unknown;
}

}  // namespace

LockAcquirer::LockAcquirer(Runtime& runtime, LockBackend& backend, const LockOptions& options, Question question)
    : runtime_(runtime), backend_(backend), options_(options), asked_(std::move(question)) {}

Result<LockGrant> LockAcquirer::contend() {
  Step step = Step::create;
  for (;;) {
    if (step != Step::granted && step != Step::failed && out_of_time()) step = Step::failed;
    switch (step) {
      case Step::create: step = create(); break;
      case Step::look: step = look(); break;
      case Step::take_over: step = take_over(); break;
      case Step::confirm: step = confirm(); break;
      case Step::listen: step = listen(); break;
      case Step::granted: return std::move(grant_);
      case Step::failed: return tl::unexpected<Error>(std::move(error_));
    }
  }
}

bool LockAcquirer::out_of_time() {
  if (asked_.stop.stop_requested()) {
    error_ = fail(errc::cancelled, "waiting for lock '" + asked_.name + "' was cancelled").value();
    return true;
  }
  if (runtime_.now() < asked_.deadline) return false;
  if (asked_.once && known_held_) {
    error_ = fail(errc::lock_already_held, "lock '" + asked_.name + "' is held by another").value();
  } else if (last_error_ && (asked_.once || refusals_ == 0) && !known_held_) {
    error_ = *last_error_;  // It is not known whether the lock was free.
  } else {
    error_ = fail(errc::lock_timeout, "lock '" + asked_.name + "' was not free in time").value();
    if (last_error_) error_.cause = last_error_->describe();
  }
  return true;
}

Deadline LockAcquirer::step_deadline() const {
  return {std::min(saturating_add(runtime_.now(), options_.request_timeout), asked_.deadline), asked_.stop};
}

void LockAcquirer::pause(TimePoint no_later) {
  const Duration longest = first_pause * (1 << std::min(failures_, most_doublings));
  ++failures_;
  // Half of it is random, so that clients that failed together do not come back together.
  const auto random = static_cast<Duration::rep>(runtime_.random() % static_cast<std::uint64_t>(longest.count() / 2));
  const TimePoint until = saturating_add(runtime_.now(), longest / 2 + Duration(random));
  runtime_.sleep_until(std::min({until, no_later, asked_.deadline}), asked_.stop);
}

LockAcquirer::Step LockAcquirer::fail_with(Error error) {
  error_ = std::move(error);
  return Step::failed;
}

LockAcquirer::Step LockAcquirer::failed_read(Error error, Step again) {
  strange_reads_ = error.code == errc::protocol_error ? strange_reads_ + 1 : 0;
  return failed(std::move(error), again);
}

LockAcquirer::Step LockAcquirer::failed(Error error, Step again) {
  const bool strange = std::max(strange_reads_, strange_writes_) >= most_strange_answers;
  if (!may_pass(error) || strange) return fail_with(std::move(error));
  last_error_ = std::move(error);
  pause();
  return again;
}

LockAcquirer::Step LockAcquirer::failed_write(Error error, Step again) {
  strange_writes_ = error.code == errc::protocol_error ? strange_writes_ + 1 : 0;
  if (error.code != condition::outcome_unknown) return failed(std::move(error), again);
  // Its lease counts from when a node takes it up: no later than one more time-out from now, if it is still under way.
  ++residue_.unresolved;
  const Duration longest = asked_.lease.stored + options_.max_clock_skew + options_.request_timeout;
  residue_.until = std::max(residue_.until, saturating_add(runtime_.now(), longest));
  return failed(std::move(error), Step::look);
}

LockAcquirer::Step LockAcquirer::granted(TimePoint sent, std::uint64_t fencing_token) {
  failures_ = 0;
  if (runtime_.now() >= saturating_add(sent, asked_.lease.usable)) {
    // It came after its own deadline, so it is no grant. A renewal shows whether the record is still ours.
    written_ = true;
    revision_ = fencing_token;
    return Step::confirm;
  }
  grant_ = {asked_.token, fencing_token, sent, residue_};
  return Step::granted;
}

LockAcquirer::Step LockAcquirer::create() {
  const TimePoint sent = runtime_.now();
  const auto answer = backend_.acquire(asked_.key, asked_.token, asked_.lease.stored, step_deadline());
  if (!answer) return failed_write(answer.error(), Step::create);
  if (const auto* grant = std::get_if<Granted>(&*answer)) return granted(sent, grant->fencing_token);
  strange_writes_ = 0;
  known_held_ = true;
  return Step::look;
}

LockAcquirer::Step LockAcquirer::look() {
  const Result<Inspection> seen = backend_.inspect(asked_.key, step_deadline());
  if (!seen) return failed_read(seen.error(), listen_from_ == 0 ? Step::look : Step::listen);
  return judge(*seen);
}

LockAcquirer::Step LockAcquirer::judge(const Inspection& seen) {
  strange_reads_ = 0;
  known_held_ = seen.record && seen.record->token != asked_.token;
  if (!seen.record) {
    written_ = false;
    if (++vanished_ > 1) pause();  // Quick hand-overs, or a store that contradicts itself.
    return Step::create;
  }
  if (seen.record->token == asked_.token) {
    if (!written_ && residue_.unresolved > 0) --residue_.unresolved;
    written_ = true;
    revision_ = seen.record->revision;
    return Step::confirm;
  }
  written_ = false;
  if (seen.record->ttl && is_over(*seen.record->ttl, options_)) {
    expired_ = seen.record;
    return Step::take_over;
  }
  if (cleared_ == 0) failures_ = 0;
  vanished_ = 0;
  listen_from_ = seen.revision + 1;
  plan_look(seen.record->ttl, seen.record->expires.has_value());
  return refused();
}

LockAcquirer::Step LockAcquirer::refused() {
  const bool enough = asked_.once || (asked_.max_retries > 0 && refusals_ >= asked_.max_retries);
  ++refusals_;
  if (!enough) return Step::listen;
  return fail_with(fail(errc::lock_already_held, "lock '" + asked_.name + "' is held by another").value());
}

LockAcquirer::Step LockAcquirer::take_over() {
  const TimePoint sent = runtime_.now();
  const Result<Granted> grant = backend_.take_over(*expired_, asked_.token, asked_.lease.stored, step_deadline());
  if (grant) return granted(sent, grant->fencing_token);
  if (grant.error().code != errc::compare_failed && grant.error().code != errc::key_not_found) {
    return failed_write(grant.error(), Step::look);
  }
  pause();  // Somebody else was quicker, or its holder is back.
  return Step::look;
}

LockAcquirer::Step LockAcquirer::confirm() {
  const TimePoint sent = runtime_.now();
  const Result<Granted> renewed =
      backend_.renew(asked_.key, asked_.token, revision_, asked_.lease.stored, step_deadline());
  if (renewed) {
    const Step next = granted(sent, renewed->fencing_token);
    if (next == Step::confirm) pause();
    return next;
  }
  if (renewed.error().code == errc::lock_not_held) {
    written_ = false;
    return Step::create;
  }
  if (renewed.error().code == errc::compare_failed) {
    pause();  // A renewal before this one was applied after all.
    return Step::look;
  }
  return failed_read(renewed.error(), Step::look);
}

void LockAcquirer::plan_look(std::optional<std::chrono::seconds> ttl_left, bool has_lease) {
  const TimePoint now = runtime_.now();
  look_at_ = saturating_add(now, asked_.listen_for);
  if (!has_lease && !ttl_left) return;
  // The store leaves out a ttl of 0.
  look_at_ = std::min(look_at_, saturating_add(now, until_over(ttl_left.value_or(std::chrono::seconds(0)), options_)));
}

LockAcquirer::Step LockAcquirer::listen() {
  if (runtime_.now() >= look_at_) return Step::look;
  const TimePoint until = std::min(look_at_, asked_.deadline);
  const auto change = backend_.wait_for_change(asked_.key, listen_from_, {until, asked_.stop});
  if (!change) {
    if (change.error().code == errc::history_cleared) {
      if (++cleared_ > 1) pause();  // A store that is written to as fast as it is read, or one that always says so.
      return Step::look;
    }
    return failed_read(change.error(), Step::listen);
  }
  cleared_ = 0;
  strange_reads_ = 0;
  if (!*change) {
    if (runtime_.now() < until) pause(look_at_);  // The store ended the poll; it may go on doing so.
    return Step::listen;
  }
  listen_from_ = std::max(listen_from_, (*change)->revision) + 1;
  if ((*change)->released) return Step::create;
  plan_look((*change)->ttl, (*change)->ttl.has_value());
  return Step::listen;
}

}  // namespace deimos

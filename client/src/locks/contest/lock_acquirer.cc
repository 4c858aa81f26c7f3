#include "locks/contest/lock_acquirer.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

namespace deimos {

LockAcquirer::LockAcquirer(Runtime& runtime, LockBackend& backend, const LockOptions& options, std::string key,
                           std::string token, AcquireLimits limits)
    : runtime_(runtime),
      backend_(backend),
      options_(options),
      key_(std::move(key)),
      token_(std::move(token)),
      lease_(limits.lease),
      caller_(runtime, options, std::move(limits)) {}

Result<LockGrant> LockAcquirer::contend() {
  Step step = Step::create;
  for (;;) {
    if (step != Step::granted && step != Step::failed) {
      if (auto error = caller_.out_of_time()) step = fail_with(std::move(*error));
    }
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

LockAcquirer::Step LockAcquirer::fail_with(Error error) {
  error_ = std::move(error);
  return Step::failed;
}

LockAcquirer::Step LockAcquirer::failed_read(Error error, Step again) {
  if (auto why = caller_.read_failed(std::move(error))) return fail_with(std::move(*why));
  return again;
}

LockAcquirer::Step LockAcquirer::failed_write(Error error, Step again) {
  if (error.code == condition::outcome_unknown) {
    ++residue_.unresolved;
    residue_.until = std::max(residue_.until, saturating_add(runtime_.now(), longest_trace(lease_, options_)));
    again = Step::look;
  }
  if (auto why = caller_.write_failed(std::move(error))) return fail_with(std::move(*why));
  return again;
}

LockAcquirer::Step LockAcquirer::granted(TimePoint sent, const Granted& grant) {
  caller_.made_progress();
  const TimePoint from = grant.lease_from.value_or(sent);
  if (runtime_.now() >= saturating_add(from, lease_.usable)) {
    // It came after its own deadline, so it is no grant. A renewal shows whether the record is still ours.
    written_ = true;
    revision_ = grant.fencing_token;
    return Step::confirm;
  }
  grant_ = {token_, grant.fencing_token, from, residue_};
  return Step::granted;
}

LockAcquirer::Step LockAcquirer::create() {
  const TimePoint sent = runtime_.now();
  const auto answer = backend_.acquire(key_, token_, lease_.stored, caller_.step_deadline());
  if (!answer) return failed_write(answer.error(), Step::create);
  if (const auto* grant = std::get_if<Granted>(&*answer)) return granted(sent, *grant);
  caller_.write_answered();
  caller_.saw_held(true);
  return Step::look;
}

LockAcquirer::Step LockAcquirer::look() {
  const Result<Inspection> seen = backend_.inspect(key_, caller_.step_deadline());
  if (!seen) return failed_read(seen.error(), listen_from_ == 0 ? Step::look : Step::listen);
  return judge(*seen);
}

LockAcquirer::Step LockAcquirer::judge(const Inspection& seen) {
  caller_.read_answered();
  caller_.saw_held(seen.record && seen.record->token != token_);
  if (!seen.record) {
    written_ = false;
    if (++vanished_ > 1) caller_.pause();  // Quick hand-overs, or a store that contradicts itself.
    return Step::create;
  }
  if (seen.record->token == token_) {
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
  if (cleared_ == 0) caller_.made_progress();
  vanished_ = 0;
  listen_from_ = seen.revision + 1;
  plan_look(seen.record->ttl, seen.record->expires.has_value());
  if (auto enough = caller_.refused()) return fail_with(std::move(*enough));
  return Step::listen;
}

LockAcquirer::Step LockAcquirer::take_over() {
  const TimePoint sent = runtime_.now();
  const Result<Granted> grant = backend_.take_over(*expired_, token_, lease_.stored, caller_.step_deadline());
  if (grant) return granted(sent, *grant);
  if (grant.error().code != errc::compare_failed && grant.error().code != errc::key_not_found) {
    return failed_write(grant.error(), Step::look);
  }
  caller_.pause();  // Somebody else was quicker, or its holder is back.
  return Step::look;
}

LockAcquirer::Step LockAcquirer::confirm() {
  const TimePoint sent = runtime_.now();
  const Result<Granted> renewed = backend_.renew(key_, token_, revision_, lease_.stored, caller_.step_deadline());
  if (renewed) {
    const Step next = granted(sent, *renewed);
    if (next == Step::confirm) caller_.pause();
    return next;
  }
  if (renewed.error().code == errc::lock_not_held) {
    written_ = false;
    return Step::create;
  }
  if (renewed.error().code == errc::compare_failed) {
    caller_.pause();  // A renewal before this one was applied after all.
    return Step::look;
  }
  return failed_read(renewed.error(), Step::look);
}

void LockAcquirer::plan_look(std::optional<std::chrono::seconds> ttl_left, bool has_lease) {
  const TimePoint now = runtime_.now();
  look_at_ = saturating_add(now, caller_.limits().listen_for);
  if (!has_lease && !ttl_left) return;
  // The store leaves out a ttl of 0.
  look_at_ = std::min(look_at_, saturating_add(now, until_over(ttl_left.value_or(std::chrono::seconds(0)), options_)));
}

LockAcquirer::Step LockAcquirer::listen() {
  if (runtime_.now() >= look_at_) return Step::look;
  const TimePoint until = std::min(look_at_, caller_.limits().deadline);
  const auto change = backend_.wait_for_change(key_, listen_from_, {until, caller_.limits().stop});
  if (!change) {
    if (change.error().code == errc::history_cleared) {
      if (++cleared_ > 1)
        caller_.pause();  // A store that is written to as fast as it is read, or one that always says so.
      return Step::look;
    }
    return failed_read(change.error(), Step::listen);
  }
  cleared_ = 0;
  caller_.read_answered();
  if (!*change) {
    if (runtime_.now() < until) caller_.pause(look_at_);  // The store ended the poll; it may go on doing so.
    return Step::listen;
  }
  listen_from_ = std::max(listen_from_, (*change)->revision) + 1;
  if ((*change)->released) return Step::create;
  plan_look((*change)->ttl, (*change)->ttl.has_value());
  return Step::listen;
}

}  // namespace deimos

#include "locks/session/patient_caller.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

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

PatientCaller::PatientCaller(Runtime& runtime, const LockOptions& options, AcquireLimits limits)
    : runtime_(runtime), options_(options), limits_(std::move(limits)) {}

std::optional<Error> PatientCaller::out_of_time() const {
  if (limits_.stop.stop_requested()) {
    return fail(errc::cancelled, "waiting for lock '" + limits_.name + "' was cancelled").value();
  }
  if (runtime_.now() < limits_.deadline) return std::nullopt;
  if (limits_.once && known_held_) {
    return fail(errc::lock_already_held, "lock '" + limits_.name + "' is held by another").value();
  }
  // It is not known whether the lock was free.
  if (last_error_ && (limits_.once || refusals_ == 0) && !known_held_) return last_error_;
  Error error = fail(errc::lock_timeout, "lock '" + limits_.name + "' was not free in time").value();
  if (last_error_) error.cause = last_error_->describe();
  return error;
}

Deadline PatientCaller::step_deadline() const {
  return {std::min(saturating_add(runtime_.now(), options_.request_timeout), limits_.deadline), limits_.stop};
}

void PatientCaller::pause(TimePoint no_later) {
  const Duration longest = first_pause * (1 << std::min(failures_, most_doublings));
  ++failures_;
  // Half of it is random, so that clients that failed together do not come back together.
  const auto random = static_cast<Duration::rep>(runtime_.random() % static_cast<std::uint64_t>(longest.count() / 2));
  const TimePoint until = saturating_add(runtime_.now(), longest / 2 + Duration(random));
  runtime_.sleep_until(std::min({until, no_later, limits_.deadline}), limits_.stop);
}

std::optional<Error> PatientCaller::read_failed(Error error) {
  strange_reads_ = error.code == errc::protocol_error ? strange_reads_ + 1 : 0;
  return failed(std::move(error));
}

std::optional<Error> PatientCaller::write_failed(Error error) {
  strange_writes_ = error.code == errc::protocol_error ? strange_writes_ + 1 : 0;
  return failed(std::move(error));
}

std::optional<Error> PatientCaller::failed(Error error) {
  const bool strange = std::max(strange_reads_, strange_writes_) >= most_strange_answers;
  if (!may_pass(error) || strange) return error;
  // Cut short by this caller's own deadline, it says less than what failed before it.
  const bool cut_short = runtime_.now() >= limits_.deadline;
  if (cut_short && last_error_ && error.cause.empty()) error.cause = "before it, " + last_error_->describe();
  last_error_ = std::move(error);
  pause();
  return std::nullopt;
}

std::optional<Error> PatientCaller::refused() {
  const bool enough = limits_.once || (limits_.max_retries > 0 && refusals_ >= limits_.max_retries);
  ++refusals_;
  if (!enough) return std::nullopt;
  return fail(errc::lock_already_held, "lock '" + limits_.name + "' is held by another").value();
}

}  // namespace deimos

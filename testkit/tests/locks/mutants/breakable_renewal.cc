// How it keeps what it holds, and how it learns that it has lost it.
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "mutants/breakable_locks.h"
#include "mutants/wall_clock.h"

namespace deimos::testkit::mutants {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Error expired() { return fail(errc::lock_expired, "the lease was not renewed in time").value(); }

}  // namespace

std::chrono::seconds BreakableLocks::ttl() const {
  if (has(Flaw::rounds_ttl_down_for_the_store)) return std::chrono::floor<seconds>(options_.ttl - milliseconds(1));
  return std::chrono::ceil<seconds>(options_.ttl);
}

Duration BreakableLocks::usable() const {
  if (has(Flaw::tolerates_suspension)) return 2 * options_.ttl;
  const auto error = Duration(
      static_cast<Duration::rep>(options_.max_clock_rate_error * static_cast<double>(Duration(options_.ttl).count())));
  Duration usable = std::chrono::floor<seconds>(options_.ttl);
  if (!has(Flaw::no_margin_for_skew)) usable -= options_.max_clock_skew;
  if (!has(Flaw::no_margin_for_drift)) usable -= error;
  return usable;
}

Deadline BreakableLocks::step_deadline(TimePoint until, std::stop_token stop) const {
  return {std::min(saturating_add(runtime().now(), options_.request_timeout), until), std::move(stop)};
}

TimePoint BreakableLocks::deadline_from(TimePoint sent) const {
  return (has(Flaw::deadline_from_answer) ? runtime().now() : sent) + usable();
}

TimePoint BreakableLocks::deadline_as_the_store_says(const std::string& key, TimePoint otherwise) {
  if (!has(Flaw::wall_clock) && !has(Flaw::trusts_ttl_field)) return otherwise;
  const auto seen = store_.inspect(key, step_deadline(TimePoint::max()));
  if (!seen || !seen->record) return otherwise;
  if (has(Flaw::wall_clock) && seen->record->expires)
    return instant_by_wall_clock(*seen->record->expires) - options_.max_clock_skew;
  return runtime().now() + seen->record->ttl.value_or(seconds(0));
}

Duration BreakableLocks::renewal_interval() const {
  return options_.renewal_interval > Duration::zero() ? options_.renewal_interval : usable() / 3;
}

bool BreakableLocks::believes(const Acquisition& acquisition) const {
  if (acquisition.is_lost || acquisition.is_released) return false;
  const bool waits_to_be_told = has(Flaw::renewer_dies) || has(Flaw::no_local_deadline) || has(Flaw::never_renews) ||
                                has(Flaw::second_acquisition_not_renewed) || has(Flaw::renewal_ends_with_acquire) ||
                                has(Flaw::late_grant_counts) || has(Flaw::reentry_ends_renewal);
  return waits_to_be_told || runtime().now() < acquisition.deadline;
}

bool BreakableLocks::ends_at_deadline(const Acquisition& acquisition) const {
  const bool forgotten = acquisition.is_released && has(Flaw::renewal_outlives_unlock);
  return !forgotten && !has(Flaw::no_local_deadline);
}

void BreakableLocks::start_renewal(const std::shared_ptr<Acquisition>& acquisition) {
  tasks_.push_back(runtime().spawn(
      "lock renewal", [this, acquisition](const std::stop_token& end) { renew_while_held(acquisition, end); }));
  acquisition->renewals.push_back(tasks_.back().get());
}

void BreakableLocks::renew_while_held(const std::shared_ptr<Acquisition>& acquisition, const std::stop_token& stop) {
  TimePoint next = runtime().now() + renewal_interval();
  while (!stop.stop_requested()) {
    const bool gives_up = ends_at_deadline(*acquisition);
    const TimePoint wake = gives_up ? std::min(next, acquisition->deadline) : next;
    if (!runtime().sleep_until(wake, stop)) return;
    if (has(Flaw::renewal_ends_with_acquire) && runtime().now() >= acquisition->asked_until) return;
    const bool late = runtime().now() >= acquisition->deadline && !has(Flaw::belief_comes_back);
    if (gives_up && late) return lose(*acquisition, expired());
    if (!renew_once(*acquisition, stop, next)) return;
  }
}

bool BreakableLocks::renew_once(Acquisition& acquisition, const std::stop_token& stop, TimePoint& next) {
  const TimePoint sent = runtime().now();
  const bool gives_up = ends_at_deadline(acquisition) && !has(Flaw::belief_comes_back);
  const TimePoint until = gives_up ? acquisition.deadline : TimePoint::max();
  const Duration patience = has(Flaw::renewal_waits_until_deadline) ? usable() : usable() / 5;
  const Deadline deadline{std::min(until, sent + patience), stop};
  auto renewed = renew(acquisition.key, acquisition.token, acquisition.revision, deadline);
  const bool goes_on_after_unlock = has(Flaw::renewal_outlives_unlock) || has(Flaw::renews_after_failed_unlock);
  if (stop.stop_requested()) return false;
  if (acquisition.is_released && !goes_on_after_unlock && !has(Flaw::own_unlock_is_loss)) return false;
  if (!renewed && has(Flaw::renewal_does_not_verify) && renewed.error().code == errc::lock_not_held)
    renewed = Granted{acquisition.fencing_token};  // Its session is alive, and that is all it asks.
  if (!renewed) {
    next = runtime().now() + milliseconds(200);
    return renewal_failed(acquisition, renewed.error());
  }
  if (gives_up && runtime().now() >= acquisition.deadline) {
    lose(acquisition, expired());
    return false;
  }
  extend(acquisition, sent);
  next = sent + renewal_interval();
  return true;
}

bool BreakableLocks::renewal_failed(Acquisition& acquisition, const Error& error) {
  if (has(Flaw::renewal_throws)) throw std::runtime_error(error.describe());
  const bool moved = has(Flaw::unclear_renewal_moves_index) && error.code == errc::compare_failed;
  const bool stale = acquisition.is_released && has(Flaw::renewal_outlives_unlock);
  if (stale) return true;
  if (error.code == errc::lock_not_held || moved) {
    lose(acquisition, error);
    return false;
  }
  if (has(Flaw::renewer_dies)) return false;
  if (has(Flaw::resigns_before_telling)) {
    (void)store_.release(acquisition.key, acquisition.token, step_deadline(TimePoint::max()));
    runtime().sleep_for(seconds(1));
    lose(acquisition, error);
    return false;
  }
  if (!has(Flaw::one_failure_is_loss)) return true;
  lose(acquisition, error);
  return false;
}

void BreakableLocks::extend(Acquisition& acquisition, TimePoint sent) {
  const TimePoint from = has(Flaw::renewals_count_from_answer) ? runtime().now() : sent;
  const TimePoint deadline = deadline_as_the_store_says(acquisition.key, deadline_from(from));
  acquisition.deadline = std::max(acquisition.deadline, deadline);
}

Result<Granted> BreakableLocks::renew(const std::string& key, const std::string& token, std::uint64_t& revision,
                                      const Deadline& until) {
  if (revision == 0) {
    const auto seen = store_.inspect(key, until);
    if (!seen) return tl::unexpected<Error>(seen.error());
    if (!seen->record || seen->record->token != token) return fail(errc::lock_not_held, "gone");
    revision = seen->record->revision;
  }
  const Result<Granted> renewed = store_.renew(key, token, revision, ttl(), until);
  const bool keeps_index = has(Flaw::unclear_renewal_moves_index) && !renewed;
  if (!keeps_index) revision = renewed ? renewed->fencing_token : 0;
  return renewed;
}

void BreakableLocks::lose(Acquisition& acquisition, const Error& why) {
  const bool released = acquisition.is_released && !has(Flaw::own_unlock_is_loss);
  if (acquisition.is_lost || released) return;
  acquisition.is_lost = true;
  lost_something_ = true;
  tell(acquisition, why);
  if (has(Flaw::loss_is_told_twice)) tell(acquisition, why);
  if (why.code == errc::lock_expired) clean_later(acquisition.key, acquisition.token);
}

void BreakableLocks::tell(Acquisition& acquisition, const Error& why) const {
  if (has(Flaw::loss_is_not_told)) return;
  if (has(Flaw::callback_before_stop_token) && acquisition.on_lost) {
    acquisition.on_lost(why);
    runtime().sleep_for(milliseconds(50));
  }
  acquisition.lost.request_stop();
  if (!has(Flaw::callback_before_stop_token) && acquisition.on_lost) acquisition.on_lost(why);
}

}  // namespace deimos::testkit::mutants

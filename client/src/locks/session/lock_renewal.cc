#include "locks/session/lock_renewal.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "locks/session/lock_session.h"

namespace deimos {
namespace {

constexpr Duration shortest_attempt = std::chrono::milliseconds(200);

}  // namespace

LockRenewal::LockRenewal(LockSession& session) : session_(session), alarm_(session.runtime()) {}

void LockRenewal::consider(const LockAcquisition& acquisition) { alarm_.set_by(acquisition.next_renewal()); }

void LockRenewal::run(const std::stop_token& stop) {
  alarm_.run(stop, [&] {
    TimePoint next;
    const std::optional<Due> due = choose(next);
    if (!due) return next;
    const TimePoint deadline = saturating_add(session_.runtime().now(), due->timeout);
    (void)renew(due->acquisition, {std::min(deadline, due->acquisition->deadline()), stop});
    return TimePoint::min();
  });
}

std::optional<LockRenewal::Due> LockRenewal::choose(TimePoint& next) const {
  const TimePoint now = session_.runtime().now();
  next = TimePoint::max();
  std::shared_ptr<LockAcquisition> first;
  TimePoint first_deadline = TimePoint::max();
  int number_due = 0;
  session_.for_each_held([&](const std::shared_ptr<LockAcquisition>& acquisition) {
    const TimePoint deadline = acquisition->deadline();
    if (deadline <= now) return;  // Lost: the watchdog is about to say so.
    const TimePoint when = acquisition->next_renewal();
    next = std::min(next, when);
    if (when > now) return;
    ++number_due;
    if (first && deadline >= first_deadline) return;
    first = acquisition;
    first_deadline = deadline;
  });
  if (!first) return std::nullopt;
  // One that hangs must leave time for the others that are due as well.
  const Duration share = std::max((first_deadline - now) / (number_due + 1), shortest_attempt);
  const Duration timeout = std::min(first->lease().attempt_timeout, share);
  return Due{std::move(first), timeout};
}

Result<void> LockRenewal::renew(const std::shared_ptr<LockAcquisition>& acquisition, const Deadline& until) {
  if (!acquisition->is_held()) return tl::unexpected<Error>(acquisition->why_not_held());
  TimePoint sent;
  const Result<Granted> answer = ask(*acquisition, until, sent);
  if (answer) {
    if (acquisition->renewed(sent, answer->fencing_token)) return {};
    return tl::unexpected<Error>(acquisition->why_not_held());
  }
  if (answer.error().code == errc::lock_not_held) {
    session_.lose(acquisition, answer.error());
    return tl::unexpected<Error>(answer.error());
  }
  constexpr double steps = 1024;
  acquisition->renewal_failed(static_cast<double>(session_.runtime().random() % 1024) / steps);
  if (!until.stop.stop_requested()) {
    session_.report(LockEvent::Kind::renewal_failed, *acquisition, answer.error());
  }
  return tl::unexpected<Error>(answer.error());
}

Result<Granted> LockRenewal::ask(LockAcquisition& acquisition, const Deadline& until, TimePoint& sent) const {
  LockBackend& backend = session_.backend();
  for (;;) {
    sent = session_.runtime().now();
    acquisition.renewal_sent(sent);
    const std::uint64_t revision = acquisition.revision();
    const LockLease& lease = acquisition.lease();
    Result<Granted> answer = backend.renew(acquisition.key(), acquisition.token(), revision, lease.stored, until);
    if (answer || answer.error().code != errc::compare_failed) return answer;
    const Result<Inspection> seen = backend.inspect(acquisition.key(), until);
    if (!seen) return tl::unexpected<Error>(seen.error());
    if (!seen->record || seen->record->token != acquisition.token()) {
      Error gone = answer.error();
      gone.code = errc::lock_not_held;
      return tl::unexpected<Error>(std::move(gone));
    }
    if (seen->record->revision <= revision) return answer;  // Read from a node that lags: another time.
    acquisition.written(seen->record->revision);
  }
}

}  // namespace deimos

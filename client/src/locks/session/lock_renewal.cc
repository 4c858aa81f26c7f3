#include "locks/session/lock_renewal.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace deimos {

LockRenewal::LockRenewal(Runtime& runtime, LockBackend& backend, HeldLeases& held, std::size_t most_at_once,
                         Callbacks callbacks)
    : runtime_(runtime),
      backend_(backend),
      held_(held),
      callbacks_(std::move(callbacks)),
      timer_(runtime),
      pool_(runtime, "lock renewal", most_at_once, most_at_once) {}

void LockRenewal::consider(const LockAcquisition& acquisition) {
  held_.reschedule(acquisition);
  timer_.set_by(acquisition.next_renewal());
}

void LockRenewal::run(const std::stop_token& stop) {
  timer_.run(stop, [&] {
    for (std::size_t due = held_.count_newly_due(runtime_.now()); due > 0; --due) {
      pool_.submit([this, stop] { renew_most_urgent(stop); });
    }
    return held_.next_renewal();
  });
}

void LockRenewal::renew_most_urgent(const std::stop_token& stop) {
  const auto [acquisition, planned] = held_.take_due();
  if (!acquisition || stop.stop_requested()) return;
  const TimePoint now = runtime_.now();
  const LockLease& lease = acquisition->lease();
  // So late that another try would not fit any more: there are more locks than can be renewed.
  if (now >= saturating_add(planned, lease.renewal_interval) && acquisition->is_held()) {
    callbacks_.report(LockEvent::Kind::renewal_late, *acquisition, std::nullopt);
  }
  (void)renew(acquisition, {std::min(saturating_add(now, lease.attempt_timeout), acquisition->deadline()), stop});
  consider(*acquisition);
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
    callbacks_.lose(acquisition, answer.error());
    return tl::unexpected<Error>(answer.error());
  }
  constexpr double steps = 1024;
  acquisition->renewal_failed(answer.error().endpoint, static_cast<double>(runtime_.random() % 1024) / steps);
  if (!until.stop.stop_requested()) callbacks_.report(LockEvent::Kind::renewal_failed, *acquisition, answer.error());
  return tl::unexpected<Error>(answer.error());
}

Result<Granted> LockRenewal::ask(LockAcquisition& acquisition, Deadline until, TimePoint& sent) const {
  until.avoid_endpoint = acquisition.failed_endpoint();
  for (;;) {
    sent = runtime_.now();
    acquisition.renewal_sent(sent);
    const std::uint64_t revision = acquisition.revision();
    const LockLease& lease = acquisition.lease();
    Result<Granted> answer = backend_.renew(acquisition.key(), acquisition.token(), revision, lease.stored, until);
    if (answer || answer.error().code != errc::compare_failed) return answer;
    const Result<Inspection> seen = backend_.inspect(acquisition.key(), until);
    if (!seen) return tl::unexpected<Error>(seen.error());
    if (!seen->record || seen->record->token != acquisition.token()) {
      Error gone = answer.error();
      gone.code = errc::lock_not_held;
      return tl::unexpected<Error>(std::move(gone));
    }
    if (seen->record->revision <= revision) return answer;  // Read from a node that lags: another time.
    acquisition.earlier_renewal_applied(sent, seen->record->revision);
  }
}

}  // namespace deimos

#include "locks/session/lock_renewal.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "locks/session/own_record.h"

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
  const Duration lag = now - planned;
  const LockLease& lease = acquisition->lease();
  // So late that another try would not fit any more: there are more locks than can be renewed.
  if (lag >= lease.renewal_interval && acquisition->is_live()) {
    callbacks_.report(LockEvent::Kind::renewal_late, *acquisition, std::nullopt, lag);
  }
  (void)renew(acquisition, {std::min(saturating_add(now, lease.attempt_timeout), acquisition->deadline()), stop}, lag);
  consider(*acquisition);
}

Result<void> LockRenewal::renew(const std::shared_ptr<LockAcquisition>& acquisition, const Deadline& until,
                                std::optional<Duration> lag) {
  if (!acquisition->is_live()) return tl::unexpected<Error>(acquisition->why_not_held());
  Asked asked;
  const Result<Granted> answer = ask(*acquisition, until, asked);
  if (answer) {
    if (!acquisition->renewed(answer->lease_from.value_or(asked.sent), answer->fencing_token, asked.text)) {
      return tl::unexpected<Error>(acquisition->why_not_held());
    }
    callbacks_.report(LockEvent::Kind::renewed, *acquisition, std::nullopt, lag);
    return {};
  }
  if (answer.error().code == errc::lock_not_held) {
    callbacks_.lose(acquisition, answer.error());
    return tl::unexpected<Error>(answer.error());
  }
  constexpr double steps = 1024;
  acquisition->renewal_failed(answer.error().endpoint, static_cast<double>(runtime_.random() % 1024) / steps);
  if (!until.stop.stop_requested()) {
    callbacks_.report(LockEvent::Kind::renewal_failed, *acquisition, answer.error(), std::nullopt);
  }
  return tl::unexpected<Error>(answer.error());
}

Result<Granted> LockRenewal::send(const OwnRecord& record, std::chrono::seconds ttl, const Deadline& until) const {
  if (record.wanted == record.text) return backend_.renew(record.key, record.text, record.revision, ttl, until);
  LockRecord shown;
  shown.key = record.key;
  shown.token = record.text;
  shown.revision = record.revision;
  Result<Granted> answer = backend_.take_over(shown, record.wanted, ttl, until);
  if (!answer && answer.error().code == errc::key_not_found) answer.error().code = errc::lock_not_held;
  return answer;
}

Result<Granted> LockRenewal::ask(LockAcquisition& acquisition, Deadline until, Asked& asked) const {
  until.avoid_endpoint = acquisition.failed_endpoint();
  for (;;) {
    asked.sent = runtime_.now();
    acquisition.renewal_sent(asked.sent);
    const OwnRecord record = acquisition.record();
    asked.text = record.wanted;
    Result<Granted> answer = send(record, acquisition.lease().stored, until);
    if (answer) return answer;
    // Written with another text meanwhile: that the store holds something else does not say that it is another's.
    const bool may_be_ours = answer.error().code == errc::lock_not_held && acquisition.record().rewritten;
    if (answer.error().code != errc::compare_failed && !may_be_ours) return answer;
    const Result<Inspection> seen = backend_.inspect(record.key, until);
    if (!seen) return tl::unexpected<Error>(seen.error());
    if (!seen->record || !is_of(record, seen->record->token)) {
      Error gone = answer.error();
      gone.code = errc::lock_not_held;
      return tl::unexpected<Error>(std::move(gone));
    }
    if (seen->record->revision <= record.revision) {  // Read from a node that lags: another time.
      answer.error().code = errc::compare_failed;
      return answer;
    }
    acquisition.earlier_renewal_applied(asked.sent, seen->record->revision, seen->record->token);
  }
}

}  // namespace deimos

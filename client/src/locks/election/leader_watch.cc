#include "locks/election/leader_watch.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "locks/queue/admission.h"
#include "locks/session/patient_caller.h"

namespace deimos {
namespace {

Leader leader_of(const QueuePlace& place) {
  return {owner_in(place.value.token), place.value.message, place.record.created_revision};
}

AcquireLimits limits_of(const LockSession& session, const std::string& name, const std::stop_token& stop) {
  AcquireLimits limits;
  limits.name = name;
  limits.deadline = TimePoint::max();
  limits.listen_for = session.options().poll_interval;
  limits.stop = stop;
  return limits;
}

/// Whether the change may be one of the leader: renewals are not.
bool may_matter(const Change& change, const LeaderReading& known) {
  if (known.key.empty()) return true;
  if (change.key == known.key) return change.released || lock_value_of(change.token).message != known.leader->message;
  return change.released && known.key.starts_with(change.key + '/');  // A directory with all below it.
}

}  // namespace

Result<LeaderReading> read_leader(LockSession& session, const std::string& name, const std::string& queue,
                                  const Deadline& until) {
  Result<Listing> listing = session.backend().places(queue, until);
  if (!listing) return tl::unexpected<Error>(std::move(listing.error()));
  const LockQueue places = queue_of(std::move(*listing));
  LeaderReading reading;
  reading.revision = places.revision;
  // A lease that is over leads nobody, though the store has not swept it yet.
  const auto head = std::ranges::find_if(places.places, [&](const QueuePlace& place) {
    return !(place.record.ttl && is_over(*place.record.ttl, session.options()));
  });
  if (head == places.places.end()) return reading;
  if (head->value.kind != LockKind::election) {
    return fail(errc::lock_kind_differs, "'" + name + "' is in use as a " + std::string(to_string(head->value.kind)));
  }
  reading.leader = leader_of(*head);
  reading.key = head->record.key;
  return reading;
}

Error follow_leaders(LockSession& session, const std::string& name, const std::string& queue,
                     const std::function<void(const std::optional<Leader>&)>& on_change, const std::stop_token& stop) {
  Runtime& runtime = session.runtime();
  PatientCaller caller(runtime, session.options(), limits_of(session, name, stop));
  constexpr Duration look_interval = std::chrono::seconds(30);
  bool told = false;
  LeaderReading known;
  for (;;) {
    if (auto error = caller.out_of_time()) return *error;
    Result<LeaderReading> reading = read_leader(session, name, queue, caller.step_deadline());
    if (!reading) {
      if (auto why = caller.read_failed(reading.error())) return *why;
      continue;
    }
    caller.read_answered();
    const bool changed = !told || reading->leader != known.leader;
    known = std::move(*reading);
    told = true;
    if (changed) on_change(known.leader);
    const TimePoint look_at = saturating_add(runtime.now(), look_interval);
    for (std::uint64_t from = known.revision + 1; runtime.now() < look_at && !stop.stop_requested();) {
      const TimePoint until = std::min(look_at, saturating_add(runtime.now(), caller.limits().listen_for));
      const auto change = session.backend().wait_for_any_change(queue, from, {until, stop});
      if (!change && change.error().code == errc::history_cleared) break;
      if (!change) {
        if (auto why = caller.read_failed(change.error())) return *why;
        continue;
      }
      caller.read_answered();
      if (!*change) {
        if (runtime.now() < until) caller.pause(look_at);  // The store ended the poll; it may go on doing so.
        continue;
      }
      caller.made_progress();
      from = std::max(from, (*change)->revision) + 1;
      if (may_matter(**change, known)) break;
    }
  }
}

}  // namespace deimos

#include "locks/election/leader_watch.h"

#include <algorithm>
#include <utility>

#include "locks/queue/admission.h"
#include "locks/session/follow_changes.h"

namespace deimos {
namespace {

Leader leader_of(const QueuePlace& place) {
  return {owner_in(place.value.token), place.value.message, place.record.created_revision};
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
  std::optional<LeaderReading> known;
  Follower follower;
  follower.read = [&](const Deadline& until) -> Result<std::uint64_t> {
    Result<LeaderReading> reading = read_leader(session, name, queue, until);
    if (!reading) return tl::unexpected<Error>(std::move(reading.error()));
    const bool changed = !known || reading->leader != known->leader;
    known = std::move(*reading);
    if (changed) on_change(known->leader);
    return known->revision;
  };
  follower.changed = [&](const Change& change) { return may_matter(change, *known); };
  return follow_changes(session.directory(queue), follower, stop);
}

}  // namespace deimos

#include "locks/session/own_record.h"

#include <algorithm>
#include <utility>

#include "locks/session/lock_value.h"

namespace deimos {

bool is_of(const OwnRecord& record, std::string_view text) {
  return text == record.text || lock_value_of(text).token == record.token;
}

Result<void> remove_record(LockBackend& backend, const OwnRecord& record, const Deadline& until) {
  Result<void> removed = backend.release(record.key, record.text, until);
  if (removed || removed.error().code != errc::lock_not_held || !record.rewritten) return removed;
  const Result<Inspection> seen = backend.inspect(record.key, until);
  if (!seen) return tl::unexpected<Error>(seen.error());
  if (!seen->record || !is_of(record, seen->record->token)) return removed;
  return backend.release(record.key, seen->record->token, until);
}

Result<void> remove_place(LockBackend& backend, OwnRecord record, const Deadline& until) {
  const Result<Listing> listing = backend.places(record.key, until);
  if (!listing) return tl::unexpected<Error>(listing.error());
  const auto place = std::ranges::find_if(listing->records, [&](const auto& at) { return is_of(record, at.token); });
  if (place == listing->records.end()) return fail(errc::lock_not_held, "there is no such place in the queue");
  return backend.release(place->key, place->token, until);
}

}  // namespace deimos

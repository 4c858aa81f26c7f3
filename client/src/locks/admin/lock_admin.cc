#include "locks/admin/lock_admin.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "locks/queue/admission.h"
#include "locks/session/lock_name.h"
#include "locks/session/lock_value.h"
#include "locks/session/release_requests.h"

namespace deimos {
namespace {

LockInfo info_of(const LockSession& session, LockRecord record, const LockValue& value) {
  LockInfo info;
  info.name = session.name_of(record.key);
  info.kind = value.kind;
  info.permits = value.permits;
  info.message = value.message;
  info.owner = owner_in(value.token);
  info.held_here = session.holds_token(value.token);
  info.key = std::move(record.key);
  info.value = std::move(record.token);
  info.created_revision = record.created_revision;
  info.revision = record.revision;
  info.ttl = record.ttl;
  info.expires = record.expires;
  return info;
}

std::vector<LockInfo> infos_of(const LockSession& session, const std::string& directory, const LockQueue& queue) {
  std::vector<LockInfo> infos;
  for (std::size_t i = 0; i < queue.places.size(); ++i) {
    LockInfo info = info_of(session, queue.places[i].record, queue.places[i].value);
    info.name = session.name_of(directory);
    info.waiting = !is_admitted(queue, i);
    infos.push_back(std::move(info));
  }
  return infos;
}

/// One step of an administrator's: which lock, and until when.
struct AdminStep {
  LockSession::Operation operation;
  std::string key;
  Deadline until;
};

Result<AdminStep> begin(LockSession& session, std::string_view name, std::stop_token stop) {
  Result<LockSession::Operation> operation = session.begin();
  if (!operation) return tl::unexpected<Error>(std::move(operation.error()));
  Result<std::string> key = session.key_of(name);
  if (!key) return tl::unexpected<Error>(std::move(key.error()));
  return AdminStep{std::move(*operation), std::move(*key), session.step_deadline(std::move(stop))};
}

Result<LockQueue> read_queue(LockSession& session, const AdminStep& task) {
  Result<Listing> listing = session.backend().places(task.key, task.until);
  if (!listing) return tl::unexpected<Error>(std::move(listing.error()));
  return queue_of(std::move(*listing));
}

/// The record was changed between two steps: look again, as long as there is time.
bool is_outdated(const LockSession& session, const Error& error, const Deadline& until) {
  const bool changed =
      error.code == errc::compare_failed || error.code == errc::key_not_found || error.code == errc::key_already_exists;
  return changed && session.runtime().now() < until.at;
}

/// Takes the lock from the holders of a queue.
Result<bool> force_out(LockSession& session, std::string_view name, const AdminStep& task) {
  const Result<LockQueue> queue = read_queue(session, task);
  if (!queue) return tl::unexpected<Error>(queue.error());
  std::set<std::string> holders;
  for (std::size_t i = 0; i < queue->places.size(); ++i) {
    if (is_admitted(*queue, i)) holders.insert(queue->places[i].record.key);
  }
  for (const std::string& key : holders) {
    for (;;) {
      const Result<Inspection> seen = session.backend().inspect(key, task.until);
      if (!seen) return tl::unexpected<Error>(seen.error());
      if (!seen->record) break;
      session.lose_token(value_of(*seen->record).token,
                         fail(errc::lock_not_held, "lock '" + std::string(name) + "' was taken away").value());
      const Result<void> removed = session.backend().force_release(*seen->record, task.until);
      if (removed) break;
      if (!is_outdated(session, removed.error(), task.until)) return tl::unexpected<Error>(removed.error());
    }
  }
  return !holders.empty();
}

}  // namespace

Result<std::optional<LockInfo>> lock_info(LockSession& session, std::string_view name, std::stop_token stop) {
  const Result<AdminStep> task = begin(session, name, stop);
  if (!task) return tl::unexpected<Error>(task.error());
  Result<Inspection> seen = session.backend().inspect(task->key, task->until);
  if (seen) {
    if (!seen->record) return std::optional<LockInfo>();
    const LockValue value = value_of(*seen->record);
    return info_of(session, std::move(*seen->record), value);
  }
  if (seen.error().code != errc::not_a_file) return tl::unexpected<Error>(std::move(seen.error()));
  const Result<std::vector<LockInfo>> line = lock_line(session, name, std::move(stop));
  if (!line) return tl::unexpected<Error>(line.error());
  const auto holder = std::ranges::find(*line, false, &LockInfo::waiting);
  return holder == line->end() ? std::optional<LockInfo>() : *holder;
}

Result<std::vector<LockInfo>> lock_line(LockSession& session, std::string_view name, std::stop_token stop) {
  const Result<AdminStep> task = begin(session, name, stop);
  if (!task) return tl::unexpected<Error>(task.error());
  const Result<LockQueue> queue = read_queue(session, *task);
  if (queue) return infos_of(session, task->key, *queue);
  if (queue.error().code != errc::not_a_directory) return tl::unexpected<Error>(queue.error());
  const Result<std::optional<LockInfo>> holder = lock_info(session, name, std::move(stop));
  if (!holder) return tl::unexpected<Error>(holder.error());
  return *holder ? std::vector<LockInfo>{**holder} : std::vector<LockInfo>();
}

Result<bool> ask_to_release(LockSession& session, std::string_view name, const ReleaseDemand& demand,
                            std::stop_token stop) {
  if (auto error = check_release_demand(demand)) return tl::unexpected<Error>(std::move(*error));
  const Result<std::vector<LockInfo>> line = lock_line(session, name, stop);
  if (!line) return tl::unexpected<Error>(line.error());
  std::uint64_t up_to = 0;
  for (const LockInfo& info : *line) {
    // The token of a place in a queue is its creation; an unfair mutex may have been taken over by a later write.
    if (!info.waiting) up_to = std::max(up_to, info.kind == LockKind::mutex ? info.revision : info.created_revision);
  }
  if (up_to == 0) return false;
  const Result<AdminStep> task = begin(session, name, std::move(stop));
  if (!task) return tl::unexpected<Error>(task.error());
  const std::string directory = session.requests_directory() + '/' + release_requests_of(name);
  const Result<LockRecord> asked =
      session.backend().enqueue(directory, release_request_text(up_to, demand), time_of(demand), task->until);
  if (!asked) return tl::unexpected<Error>(asked.error());
  return true;
}

Result<std::string> directory_of(const LockSession& session, std::string_view below) {
  return below.empty() ? Result<std::string>(session.options().prefix) : session.key_of(below);
}

Result<std::vector<LockInfo>> list_locks(LockSession& session, std::string_view below, std::stop_token stop) {
  const Result<LockSession::Operation> operation = session.begin();
  if (!operation) return tl::unexpected<Error>(operation.error());
  const Result<std::string> directory = directory_of(session, below);
  if (!directory) return tl::unexpected<Error>(directory.error());
  Result<Listing> listing = session.backend().list(*directory, session.step_deadline(std::move(stop)));
  if (!listing) return tl::unexpected<Error>(std::move(listing.error()));
  return infos_below(session, std::move(*listing));
}

std::vector<LockInfo> infos_below(const LockSession& session, Listing listing) {
  std::vector<LockInfo> infos;
  std::map<std::string, Listing> queues;
  for (LockRecord& record : listing.records) {
    if (session.is_hidden(record.key)) continue;
    const LockValue value = value_of(record);
    if (value.kind != LockKind::mutex || is_limit_text(record.token)) {
      queues[record.key.substr(0, record.key.rfind('/'))].records.push_back(std::move(record));
    } else {
      infos.push_back(info_of(session, std::move(record), value));
    }
  }
  for (auto& [queue, places] : queues) {
    std::ranges::move(infos_of(session, queue, queue_of(std::move(places))), std::back_inserter(infos));
  }
  std::ranges::stable_sort(infos, {}, &LockInfo::name);
  return infos;
}

Result<bool> force_unlock(LockSession& session, std::string_view name, std::stop_token stop) {
  const Result<AdminStep> task = begin(session, name, std::move(stop));
  if (!task) return tl::unexpected<Error>(task.error());
  std::string holder;
  for (;;) {
    const Result<Inspection> seen = session.backend().inspect(task->key, task->until);
    if (!seen && seen.error().code == errc::not_a_file) return force_out(session, name, *task);
    if (!seen) return tl::unexpected<Error>(seen.error());
    if (!seen->record) return !holder.empty();
    // Somebody else has it by now: the one it was to be taken from is out.
    if (!holder.empty() && seen->record->token != holder) return true;
    holder = seen->record->token;
    // A holder of this process hears of it before the store gives the lock to others.
    session.lose_token(holder, fail(errc::lock_not_held, "lock '" + std::string(name) + "' was taken away").value());
    const Result<void> removed = session.backend().force_release(*seen->record, task->until);
    if (removed) return true;
    // A renewal came in between.
    if (!is_outdated(session, removed.error(), task->until)) return tl::unexpected<Error>(removed.error());
  }
}

Result<void> resize_semaphore(LockSession& session, std::string_view name, int permits, std::stop_token stop) {
  const Result<AdminStep> task = begin(session, name, std::move(stop));
  if (!task) return tl::unexpected<Error>(task.error());
  for (;;) {
    const Result<LockQueue> queue = read_queue(session, *task);
    if (!queue) return tl::unexpected<Error>(queue.error());
    if (!queue->places.empty() && queue->places.front().value.kind != LockKind::semaphore) {
      return fail(errc::lock_kind_differs, "'" + std::string(name) + "' is in use as a " +
                                               std::string(to_string(queue->places.front().value.kind)));
    }
    Result<void> written = session.backend().set_permanent(task->key + '/' + limit_name, limit_text(permits, true),
                                                           queue->limit, task->until);
    if (written || !is_outdated(session, written.error(), task->until)) return written;
  }
}

}  // namespace deimos

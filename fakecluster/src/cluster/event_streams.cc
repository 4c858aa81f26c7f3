#include "cluster/event_streams.h"

#include <algorithm>
#include <string>
#include <variant>

#include <deimos/internal/saturating_time.h>

namespace deimos::fake {

using versions::VersionEvent;

EventStreams::StreamId EventStreams::open(std::shared_ptr<Reply> reply, const WatchRequest& request,
                                          const std::string& refusal, const Source& source, Instant now) {
  const StreamId id = ++last_;
  Stream& stream = streams_[id];
  stream.reply = std::move(reply);
  stream.next_progress = internal::saturating_sum(now, progress_interval);
  progress_.emplace(stream.next_progress, id);
  for (const WatchRequest::Message& message : request.messages) {
    if (const auto* creation = std::get_if<WatchCreation>(&message)) {
      create(stream, *creation, refusal, source);
    } else if (const auto* cancellation = std::get_if<WatchCancellation>(&message)) {
      cancel(stream, cancellation->id, source);
    } else {
      send(stream, source.answers.text({.revision = source.store.revision(), .watch = -1}));
    }
  }
  // Etcd looks into the past a little later.
  for (const auto& [watch, asked] : stream.watches) tell_history(stream, watch, source);
  return id;
}

/// The answer begins with its first message.
void EventStreams::send(Stream& stream, const std::string& message) {
  if (!stream.answered) stream.reply->answer(gateway_stream(), true);
  stream.answered = true;
  stream.reply->chunk(message);
}

void EventStreams::create(Stream& stream, const WatchCreation& creation, const std::string& refusal,
                          const Source& source) {
  WatchAnswer answer{.revision = source.store.revision(), .watch = creation.id, .created = true};
  const auto& range = creation.range;
  answer.cancel_reason = refusal;
  if (refusal.empty() && !range.end.empty() && !range.has_no_end() && range.key >= range.end) {
    answer.cancel_reason = "mvcc: watcher range is empty";
  }
  if (answer.cancel_reason.empty() && creation.id == 0) {
    while (stream.watches.contains(stream.next_id)) ++stream.next_id;
    answer.watch = stream.next_id++;
  } else if (answer.cancel_reason.empty() && stream.watches.contains(creation.id)) {
    answer.cancel_reason = "mvcc: duplicate watch ID provided on the WatchStream";
  }
  answer.canceled = !answer.cancel_reason.empty();
  if (answer.canceled) answer.watch = -1;
  send(stream, source.answers.text(answer));
  if (answer.canceled) return;
  const std::int64_t from = creation.start_revision == 0 ? source.store.revision() + 1 : creation.start_revision;
  stream.watches.emplace(answer.watch, Watch{creation, from});
}

void EventStreams::tell_history(Stream& stream, std::int64_t id, const Source& source) {
  Watch& watch = stream.watches.at(id);
  if (watch.next > source.store.revision()) return;
  if (watch.next < source.store.compacted()) {
    const std::int64_t compacted = source.store.compacted();
    send(stream, source.answers.text({.watch = id, .canceled = true, .compact_revision = compacted}));
    watch.over = true;
    return;
  }
  if (watch.next < 0) return;  // Etcd looks for it as an unsigned number, and finds nothing so late.
  tell(stream, id, source.store.history(watch.wanted.range, watch.next), source);
}

void EventStreams::cancel(Stream& stream, std::int64_t watch, const Source& source) {
  const auto found = stream.watches.find(watch);
  if (found == stream.watches.end() || found->second.over) return;
  stream.watches.erase(found);
  send(stream, source.answers.text({.revision = source.store.revision(), .watch = watch, .canceled = true}));
}

/// One message with all of them that the watch wants. Returns false if the stream cannot take it.
bool EventStreams::tell(Stream& stream, std::int64_t id, const std::vector<VersionEvent>& events,
                        const Source& source) {
  Watch& watch = stream.watches.at(id);
  if (watch.over) return true;
  const WatchCreation& wanted = watch.wanted;
  std::vector<WatchedEvent> told;
  for (const VersionEvent& event : events) {
    const auto& pair = event.pair;
    if (pair.mod_revision < watch.next || !wanted.range.contains(pair.key)) continue;
    if (event.is_removal() ? wanted.no_delete : wanted.no_put) continue;
    WatchedEvent& added = told.emplace_back(WatchedEvent{&event});
    if (wanted.prev_kv) added.previous = source.store.at(pair.key, pair.mod_revision - 1);
  }
  if (told.empty()) return true;
  if (is_slow(stream)) return false;
  watch.quiet = false;
  send(stream, source.answers.text({.revision = source.store.revision(), .watch = id}, told));
  return true;
}

void EventStreams::tell(const std::vector<VersionEvent>& events, const Source& source) {
  for (auto at = streams_.begin(); at != streams_.end();) {
    Stream& stream = at->second;
    const bool whole = std::all_of(stream.watches.begin(), stream.watches.end(),
                                   [&](const auto& watch) { return tell(stream, watch.first, events, source); });
    if (!whole) stream.reply->end();
    at = whole ? std::next(at) : drop(at);
  }
}

EventStreams::Streams::iterator EventStreams::drop(Streams::iterator stream) {
  progress_.erase({stream->second.next_progress, stream->first});
  return streams_.erase(stream);
}

std::pair<Instant, EventStreams::StreamId> EventStreams::next_progress() const noexcept {
  return progress_.empty() ? std::pair{Instant::max(), StreamId{0}} : *progress_.begin();
}

void EventStreams::tell_progress(StreamId id, const Source& source) {
  Stream& stream = streams_.at(id);
  progress_.erase({stream.next_progress, id});
  stream.next_progress = internal::saturating_sum(stream.next_progress, progress_interval);
  progress_.emplace(stream.next_progress, id);
  for (auto& [number, watch] : stream.watches) {
    const bool quiet = std::exchange(watch.quiet, true);
    if (!quiet || watch.over || !watch.wanted.progress_notify || watch.next > source.store.revision() + 1) continue;
    send(stream, source.answers.text({.revision = source.store.revision(), .watch = number}));
  }
}

void EventStreams::remove(StreamId stream) {
  if (const auto found = streams_.find(stream); found != streams_.end()) drop(found);
}

void EventStreams::end_all() {
  progress_.clear();
  for (const auto& [id, stream] : std::exchange(streams_, {})) {
    if (!stream.answered) stream.reply->answer(gateway_stream(), true);
    stream.reply->end();
  }
}

void EventStreams::break_all() {
  progress_.clear();
  for (const auto& [id, stream] : std::exchange(streams_, {})) stream.reply->broken(Delivery::unknown);
}

void EventStreams::forget(const std::function<bool(const std::string& key)>& wanted) {
  for (auto& [id, stream] : streams_) {
    std::erase_if(stream.watches, [&](const auto& watch) { return wanted(watch.second.wanted.range.key); });
  }
}

std::size_t EventStreams::count(const std::function<bool(const std::string& key)>& wanted) const {
  std::size_t count = 0;
  for (const auto& [id, stream] : streams_) {
    count +=
        static_cast<std::size_t>(std::count_if(stream.watches.begin(), stream.watches.end(), [&](const auto& watch) {
          return !watch.second.over && wanted(watch.second.wanted.range.key);
        }));
  }
  return count;
}

}  // namespace deimos::fake

#include "locks/queue/admission.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include <deimos/internal/assert.h>

namespace deimos {
namespace {

constexpr std::string_view limit_prefix = "permits: ";
constexpr std::string_view resized_mark = ", resized";

void read_limit(LockQueue& queue, LockRecord record) {
  std::string_view text = record.token;
  if (!is_limit_text(text)) return;
  text.remove_prefix(limit_prefix.size());
  queue.resized = text.ends_with(resized_mark);
  if (queue.resized) text.remove_suffix(resized_mark.size());
  int permits = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), permits);
  if (problem != std::errc() || end != text.data() + text.size() || permits < 1) return;
  queue.permits = permits;
  queue.limit = std::move(record);
}

/// Whether they may not both hold the lock.
bool conflict(const LockValue& a, const LockValue& b) {
  return !(a.kind == LockKind::reader && b.kind == LockKind::reader);
}

QueueVerdict verdict_on_permits(const LockQueue& queue, std::size_t mine, int permits) {
  if (queue.places[mine].value.permits > permits) return {QueueVerdict::Kind::too_many, mine};
  // 64 bits: any number of places of any number of permits.
  std::int64_t taken = 0;
  for (std::size_t i = 0; i <= mine; ++i) {
    taken += queue.places[i].value.permits;
    if (taken <= permits) continue;
    // The first that does not fit waits for whoever goes; the others for whoever is before them.
    if (i == mine) return {QueueVerdict::Kind::wait_for_any, mine};
    return {QueueVerdict::Kind::wait_for_place, mine - 1};
  }
  return {QueueVerdict::Kind::admitted, mine};
}

}  // namespace

LockQueue queue_of(Listing listing) {
  LockQueue queue;
  queue.revision = listing.revision;
  for (LockRecord& record : listing.records) {
    DEIMOS_ASSERT(queue.places.empty() || queue.places.back().record.created_revision <= record.created_revision,
                  "a store lists the places of a queue in order");
    if (record.key.ends_with(std::string("/") + limit_name)) {
      read_limit(queue, std::move(record));
      continue;
    }
    LockValue value = value_of(record);
    if (value.kind != LockKind::mutex) queue.places.push_back({std::move(record), std::move(value)});
  }
  return queue;
}

QueueVerdict verdict_on(const LockQueue& queue, std::size_t mine, int permits) {
  DEIMOS_ASSERT(mine < queue.places.size(), "who asks is in the queue");
  const LockValue& value = queue.places[mine].value;
  if (!is_same_lock(queue.places.front().value.kind, value.kind)) return {QueueVerdict::Kind::kind_differs, 0};
  for (std::size_t i = mine; i-- > 0;) {
    // Of another kind than the first: it is about to be refused, and will go.
    if (!is_same_lock(queue.places[i].value.kind, value.kind)) return {QueueVerdict::Kind::wait_for_place, i};
  }
  if (value.kind == LockKind::semaphore) return verdict_on_permits(queue, mine, permits);
  for (std::size_t i = mine; i-- > 0;) {
    if (conflict(queue.places[i].value, value)) return {QueueVerdict::Kind::wait_for_place, i};
  }
  return {QueueVerdict::Kind::admitted, mine};
}

bool is_admitted(const LockQueue& queue, std::size_t index) {
  // Who says so was let in, also if there are less permits by now.
  if (queue.places[index].value.held) return true;
  return verdict_on(queue, index, queue.permits.value_or(1)).kind == QueueVerdict::Kind::admitted;
}

std::string limit_text(int permits, bool resized) {
  return std::string(limit_prefix) + std::to_string(permits) + std::string(resized ? resized_mark : "");
}

bool is_limit_text(std::string_view text) noexcept { return text.starts_with(limit_prefix); }

}  // namespace deimos

// The last events of a store, for watchers that ask for the past.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <deimos/fake/event.h>
#include <deimos/internal/export.h>
#include "store/store_rules.h"
#include "store/watcher_hub.h"

namespace deimos::fake {

/// An event as the history tells it.
struct PastEvent {
  const Event* event = nullptr;
  /// In place of `event->node.expiration`, of which a real Deimos keeps a pointer: when the lease of that key ends or
  /// ended by now; internal::zero_instant if it was dropped.
  std::optional<Instant> expiration;
};

/// A ring of the last `capacity` events (1,000 in a Deimos).
class DEIMOS_EXPORT History {
 public:
  /// Throws std::invalid_argument if `capacity` is 0.
  explicit History(std::size_t capacity, const StoreRules& rules = {});

  /// Keeps `event`, whose index must be one more than the last. The reference holds until the next add() or wipe().
  const Event& add(Event&& event);
  /// The index of the oldest event kept, or of the next one if none is.
  [[nodiscard]] std::uint64_t first_index() const noexcept { return first_index_; }
  /// The first event from index `watch.since` on that `watch` is to be told of; of no event if there is none.
  [[nodiscard]] PastEvent find(const Watch& watch) const noexcept;
  /// Forgets everything, as a node does that restarts from a snapshot.
  void wipe() noexcept;
  /// As above; the next event will have this index.
  void restart(std::uint64_t next_index) noexcept;

 private:
  [[nodiscard]] bool tells(const Watch& watch, const Event& event) const noexcept;
  [[nodiscard]] const Event& at(std::uint64_t index) const noexcept;
  [[nodiscard]] std::uint64_t end_index() const noexcept { return first_index_ + ring_.size(); }
  [[nodiscard]] std::optional<Instant> last_expiration(const Event& event) const noexcept;

  StoreRules rules_;
  std::size_t capacity_;
  std::vector<Event> ring_;  // Grows to capacity_; then the oldest is at oldest_.
  std::size_t oldest_ = 0;
  std::uint64_t first_index_ = 1;
};

}  // namespace deimos::fake

#include "store/history.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <deimos/internal/assert.h>
#include <deimos/internal/rfc3339.h>

namespace deimos::fake {

History::History(std::size_t capacity, const StoreRules& rules) : rules_(rules), capacity_(capacity) {
  if (capacity == 0) throw std::invalid_argument("a history needs room for at least one event");
}

const Event& History::add(Event&& event) {
  DEIMOS_ASSERT(event.index == end_index(), "the history is contiguous");
  if (ring_.size() < capacity_) return ring_.emplace_back(std::move(event));
  Event& place = ring_[oldest_];
  place = std::move(event);
  oldest_ = oldest_ + 1 == capacity_ ? 0 : oldest_ + 1;
  ++first_index_;
  return place;
}

const Event& History::at(std::uint64_t index) const noexcept {
  return ring_[(oldest_ + static_cast<std::size_t>(index - first_index_)) % ring_.size()];
}

bool History::tells(const Watch& watch, const Event& event) const noexcept {
  if (event.refresh) return false;
  if (watch.covers_past(event)) return true;
  return rules_.past_tells_removals && event.removed_directory() && watch.key.starts_with(event.key);
}

PastEvent History::find(const Watch& watch) const noexcept {
  for (std::uint64_t index = std::max(watch.since, first_index_); index < end_index(); ++index) {
    const Event& event = at(index);
    if (tells(watch, event)) return {&event, last_expiration(event)};
  }
  return {};
}

std::optional<Instant> History::last_expiration(const Event& event) const noexcept {
  std::optional<Instant> last = event.node.expiration;
  if (!last || !rules_.past_shows_last_expiration) return last;
  for (std::uint64_t index = event.index + 1; index < end_index(); ++index) {
    const Event& later = at(index);
    const bool renews = later.action == Action::update || later.action == Action::compare_and_swap;
    if (renews && later.node.created_index == event.node.created_index && later.key == event.key) {
      last = later.node.expiration.value_or(internal::zero_instant);
    }
  }
  return last;
}

void History::wipe() noexcept {
  first_index_ += ring_.size();
  ring_.clear();
  oldest_ = 0;
}

void History::restart(std::uint64_t next_index) noexcept {
  wipe();
  first_index_ = next_index;
}

}  // namespace deimos::fake

#include "store/history.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace deimos::fake {

History::History(std::size_t capacity) : capacity_(capacity) {
  if (capacity == 0) throw std::invalid_argument("a history needs room for at least one event");
}

const Event& History::add(Event&& event) {
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

const Event* History::find(const Watch& watch) const noexcept {
  const std::uint64_t end = first_index_ + ring_.size();
  for (std::uint64_t index = std::max(watch.since, first_index_); index < end; ++index) {
    if (watch.covers(at(index))) return &at(index);
  }
  return nullptr;
}

void History::wipe() noexcept {
  first_index_ += ring_.size();
  ring_.clear();
  oldest_ = 0;
}

}  // namespace deimos::fake

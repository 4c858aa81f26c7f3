#include "scheduler/timer_heap.h"

#include <algorithm>

namespace deimos::testkit {
namespace {
constexpr std::size_t arity = 4;
}

void TimerHeap::insert(Timer& timer, TimePoint due, std::uint64_t sequence) {
  entries_.push_back({});
  sift_up(entries_.size() - 1, Entry{due, sequence, &timer});
}

void TimerHeap::remove(Timer& timer) noexcept {
  const std::size_t place = timer.place_;
  timer.place_ = Timer::nowhere;
  const Entry last = entries_.back();
  entries_.pop_back();
  if (place == entries_.size()) return;
  if (place > 0 && last.before(entries_[(place - 1) / arity])) {
    sift_up(place, last);
  } else {
    sift_down(place, last);
  }
}

Timer& TimerHeap::pop() noexcept {
  Timer& timer = *entries_.front().timer;
  remove(timer);
  return timer;
}

void TimerHeap::put(std::size_t place, const Entry& entry) noexcept {
  entries_[place] = entry;
  entry.timer->place_ = place;
}

void TimerHeap::sift_up(std::size_t place, const Entry& entry) noexcept {
  while (place > 0) {
    const std::size_t parent = (place - 1) / arity;
    if (!entry.before(entries_[parent])) break;
    put(place, entries_[parent]);
    place = parent;
  }
  put(place, entry);
}

void TimerHeap::sift_down(std::size_t place, const Entry& entry) noexcept {
  for (;;) {
    const std::size_t first = place * arity + 1;
    if (first >= entries_.size()) break;
    const std::size_t end = std::min(first + arity, entries_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (entries_[child].before(entries_[least])) least = child;
    }
    if (!entries_[least].before(entry)) break;
    put(place, entries_[least]);
    place = least;
  }
  put(place, entry);
}

}  // namespace deimos::testkit

// Timers in order of their instants, without an allocation for each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <deimos/testkit/timer.h>

namespace deimos::testkit {

/// A 4-ary heap. Timers of one instant come in the order of their sequence numbers. Each timer knows its place, so that
/// disarming needs no search.
class TimerHeap {
 public:
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] TimePoint first_due() const noexcept { return entries_.front().due; }
  void insert(Timer& timer, TimePoint due, std::uint64_t sequence);
  void remove(Timer& timer) noexcept;
  /// Takes out the first. Must not be empty.
  Timer& pop() noexcept;

 private:
  struct Entry {
    TimePoint due;
    std::uint64_t sequence;
    Timer* timer;
    [[nodiscard]] bool before(const Entry& other) const noexcept {
      return due != other.due ? due < other.due : sequence < other.sequence;
    }
  };
  void put(std::size_t place, const Entry& entry) noexcept;
  void sift_up(std::size_t place, const Entry& entry) noexcept;
  void sift_down(std::size_t place, const Entry& entry) noexcept;

  std::vector<Entry> entries_;
};

}  // namespace deimos::testkit

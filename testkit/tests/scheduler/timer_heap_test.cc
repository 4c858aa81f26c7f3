#include "scheduler/timer_heap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include <deimos/testkit/random.h>

namespace deimos::testkit {
namespace {

struct Numbered final : Timer {
  Numbered(int its_number, Duration its_due) : number(its_number), due(its_due) {}
  void fire() override {}
  int number;
  TimePoint due;
};

TEST(TimerHeap, GivesTimersByInstantAndThenInTheOrderOfArming) {
  TimerHeap heap;
  Numbered late(0, Duration(9));
  Numbered first(1, Duration(5));
  Numbered second(2, Duration(5));
  std::uint64_t sequence = 0;
  for (Numbered* timer : {&late, &first, &second}) heap.insert(*timer, timer->due, ++sequence);
  EXPECT_EQ(&heap.pop(), &first);
  EXPECT_EQ(&heap.pop(), &second);
  EXPECT_EQ(heap.first_due(), late.due);
  EXPECT_EQ(&heap.pop(), &late);
  EXPECT_TRUE(heap.empty());
  EXPECT_FALSE(late.armed());
}

TEST(TimerHeap, KeepsTheOrderThroughRandomInsertionsAndRemovals) {
  const std::uint64_t seed = fresh_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomStream random(seed, "test");
  TimerHeap heap;
  std::vector<std::unique_ptr<Numbered>> timers;
  std::vector<Numbered*> model;
  for (int i = 0; i < 2000; ++i) {
    if (model.empty() || random.chance(0.6)) {
      timers.push_back(std::make_unique<Numbered>(i, Duration(random.between(0, 300))));
      heap.insert(*timers.back(), timers.back()->due, static_cast<std::uint64_t>(i));
      model.push_back(timers.back().get());
    } else {
      const auto victim = model.begin() + static_cast<std::ptrdiff_t>(random.below(model.size()));
      heap.remove(**victim);
      model.erase(victim);
    }
  }
  std::stable_sort(model.begin(), model.end(), [](const Numbered* a, const Numbered* b) { return a->due < b->due; });
  for (const Numbered* expected : model) ASSERT_EQ(&heap.pop(), expected);
  EXPECT_TRUE(heap.empty());
}

}  // namespace
}  // namespace deimos::testkit

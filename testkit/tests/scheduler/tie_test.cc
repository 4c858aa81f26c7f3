// What goes first of what happens at the same instant.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include <deimos/testkit/scheduler.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

class Nothing final : public WaitTarget {
 public:
  [[nodiscard]] std::string describe() const override { return "nothing in particular"; }
};

/// Names in the order in which they went: five that begin, then are woken, then have timers that are due, at once.
std::string order_of_ties(const SchedulerOptions& options) {
  Scheduler scheduler(options);
  std::string order;
  std::vector<std::shared_ptr<Fiber>> fibers;
  const auto spawn = [&](char name) {
    return scheduler.spawn(scheduler.default_group(), {name}, Scheduler::Role::foreground, [&, name](std::stop_token) {
      order += name;
      scheduler.park(TimePoint::max(), Nothing());
      order += name;
      scheduler.sleep_until(Scheduler::start + 5s);
      order += name;
    });
  };
  for (const char name : {'a', 'b', 'c', 'd', 'e'}) fibers.push_back(spawn(name));
  scheduler.run_until(Scheduler::start + 1s);
  for (const auto& fiber : fibers) scheduler.wake(*fiber);
  scheduler.run();
  return order;
}

TEST(Ties, AreBrokenInOrder) { EXPECT_EQ(order_of_ties({}), "abcdeabcdeabcde"); }

TEST(Ties, AreBrokenByASeedTheSameWayEachTime) {
  std::set<std::string> begun;
  std::set<std::string> woken;
  std::set<std::string> due;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const std::string order = order_of_ties({.tie_seed = seed});
    EXPECT_EQ(order, order_of_ties({.tie_seed = seed}));
    begun.insert(order.substr(0, 5));
    woken.insert(order.substr(5, 5));
    due.insert(order.substr(10));
  }
  // Of 120 orders, fifty draws seldom hit fewer than this.
  EXPECT_GE(begun.size(), 30u);
  EXPECT_GE(woken.size(), 30u);
  EXPECT_GE(due.size(), 30u);
}

TEST(Ties, LetTheOthersRunWhoeverLetsThemGoFirst) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Scheduler scheduler({.tie_seed = seed});
    int turns = 0;
    scheduler.spawn(scheduler.default_group(), "yields", Scheduler::Role::foreground, [&](std::stop_token) {
      scheduler.spawn(scheduler.default_group(), "other", Scheduler::Role::foreground,
                      [&](std::stop_token) { ++turns; });
      scheduler.park(scheduler.now(), Nothing());
      EXPECT_EQ(turns, 1);
    });
    scheduler.run();
  }
}

}  // namespace
}  // namespace deimos::testkit

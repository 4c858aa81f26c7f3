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

SchedulerOptions by_chance(std::uint64_t seed) {
  return {.policy = {.kind = SchedulingPolicy::Kind::random, .seed = seed}};
}

SchedulerOptions by_priority(std::uint64_t seed, int depth, std::uint64_t steps) {
  return {.policy = {.kind = SchedulingPolicy::Kind::pct, .seed = seed, .depth = depth, .steps = steps}};
}

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
    const std::string order = order_of_ties(by_chance(seed));
    EXPECT_EQ(order, order_of_ties(by_chance(seed)));
    begun.insert(order.substr(0, 5));
    woken.insert(order.substr(5, 5));
    due.insert(order.substr(10));
  }
  // Of 120 orders, fifty draws seldom hit fewer than this.
  EXPECT_GE(begun.size(), 30u);
  EXPECT_GE(woken.size(), 30u);
  EXPECT_GE(due.size(), 30u);
}

TEST(Ties, AreBrokenByPrioritiesThatATaskKeeps) {
  std::set<std::string> orders;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const std::string order = order_of_ties(by_priority(seed, 1, 1));
    EXPECT_EQ(order, order_of_ties(by_priority(seed, 1, 1)));
    EXPECT_EQ(order.substr(0, 5), order.substr(5, 5)) << "woken in the order in which they began";
    EXPECT_EQ(order.substr(0, 5), order.substr(10)) << "timers too";
    orders.insert(order.substr(0, 5));
  }
  EXPECT_GE(orders.size(), 30u);
}

TEST(Ties, ChangeAtAsManyStepsAsTheDepthSaysButOne) {
  // Of 15 steps, those that show are four of the five in which all are woken: whoever falls there goes last from then
  // on.
  int changed = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    const std::string order = order_of_ties(by_priority(seed, 2, 15));
    const std::string begun = order.substr(0, 5);
    const std::string woken = order.substr(5, 5);
    const std::string due = order.substr(10);
    EXPECT_EQ(woken, due);
    if (begun == woken) continue;
    ++changed;
    std::string expected = begun;
    std::erase(expected, woken.back());
    EXPECT_EQ(woken, expected + woken.back()) << "one fell, from " << begun;
  }
  EXPECT_NEAR(changed, 1000 * 4 / 15.0, 50);
  EXPECT_THROW(Scheduler(by_priority(1, 0, 1)), std::invalid_argument);
  EXPECT_THROW(Scheduler(by_priority(1, 101, 1)), std::invalid_argument);
}

TEST(Ties, FindAnOrderThatChanceHardlyEverDoes) {
  // `slow` has to go last in each of ten rounds: at random once in a thousand runs, by priorities every other time.
  const auto finds = [](const SchedulerOptions& options) {
    Scheduler scheduler(options);
    bool last_each_time = true;
    int gone = 0;
    const auto rounds = [&](bool slow) {
      return [&, slow](std::stop_token) {
        for (int round = 1; round <= 10; ++round) {
          scheduler.sleep_until(Scheduler::start + std::chrono::seconds(round));
          ++gone;
          if (slow) last_each_time = last_each_time && gone == 2 * round;
        }
      };
    };
    scheduler.spawn(scheduler.default_group(), "slow", Scheduler::Role::foreground, rounds(true));
    scheduler.spawn(scheduler.default_group(), "fast", Scheduler::Role::foreground, rounds(false));
    scheduler.run();
    return last_each_time;
  };
  int by_chance_found = 0;
  int by_priority_found = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    by_chance_found += finds(by_chance(seed)) ? 1 : 0;
    by_priority_found += finds(by_priority(seed, 1, 1)) ? 1 : 0;
  }
  EXPECT_LE(by_chance_found, 3);
  EXPECT_GE(by_priority_found, 30);
}

TEST(Ties, LetTheOthersRunWhoeverLetsThemGoFirst) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Scheduler scheduler(by_chance(seed));
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

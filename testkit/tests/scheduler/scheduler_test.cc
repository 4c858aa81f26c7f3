#include <deimos/testkit/scheduler.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "scheduler/scheduler_fixture.h"

namespace deimos::testkit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(SchedulerTest, StartsAtAnInstantThatIsNotTheDefaultOne) { EXPECT_NE(scheduler.now(), TimePoint{}); }

TEST_F(SchedulerTest, JumpsToTheNextTimerWhenNothingCanRun) {
  std::vector<std::pair<std::string, Duration>> order;
  for (const auto& [name, delay] : {std::pair{"b", 2h}, {"a", 1h}, {"c", 2h}}) {
    spawn(name, [&, name = std::string(name), delay = delay] {
      sleep(delay);
      order.emplace_back(name, scheduler.elapsed());
    });
  }
  scheduler.run();
  EXPECT_THAT(order, ElementsAre(std::pair<std::string, Duration>{"a", 1h}, std::pair<std::string, Duration>{"b", 2h},
                                 std::pair<std::string, Duration>{"c", 2h}));
}

TEST_F(SchedulerTest, RunsUntilAnInstantInclusive) {
  int passed = 0;
  for (const Duration delay : {Duration(1s), Duration(2s), Duration(2s) + 1ns}) {
    spawn("sleeper", [&, delay] {
      sleep(delay);
      ++passed;
    });
  }
  scheduler.run_until(Scheduler::start + 2s);
  EXPECT_EQ(passed, 2);
  EXPECT_EQ(scheduler.elapsed(), 2s);
}

TEST_F(SchedulerTest, RunsUntilAPredicateHolds) {
  int beats = 0;
  spawn("heart", [&] {
    for (;;) {
      sleep(1s);
      ++beats;
    }
  });
  EXPECT_TRUE(scheduler.run_until(scheduler.now() + 1min, [&] { return beats == 5; }));
  EXPECT_EQ(scheduler.elapsed(), 5s);
  EXPECT_FALSE(scheduler.run_until(scheduler.now() + 1s, [&] { return beats == 500; }));
}

TEST_F(SchedulerTest, RunsThousandsOfTasksOnPooledStacks) {
  int ended = 0;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 200; ++i) {
      spawn("task", [&] {
        sleep(1ms);
        ++ended;
      });
    }
    scheduler.run();
  }
  EXPECT_EQ(ended, 2000);
}

TEST_F(SchedulerTest, LetsExceptionsCrossSwitchesInEveryOrder) {
  std::vector<std::string> caught;
  const auto thrower = [&](const std::string& name, Duration first) {
    spawn(name, [&, name, first] {
      try {
        try {
          sleep(first);
          throw std::runtime_error(name);
        } catch (...) {
          sleep(5s);
          throw;
        }
      } catch (const std::runtime_error& error) {
        caught.push_back(error.what());
      }
    });
  };
  thrower("a", 2s);
  thrower("b", 1s);
  thrower("c", 3s);
  scheduler.run();
  EXPECT_THAT(caught, ElementsAre("b", "a", "c"));
}

TEST_F(SchedulerTest, ReportsADeadlockWithEachTaskAndWhatItWaitsFor) {
  spawn("reader", [&] {
    sleep(12s);
    wait_for_ever();
  });
  spawn("writer", [&] { wait_for_ever(); });
  const std::string report = failure(SimulationFailure::Kind::deadlock);
  EXPECT_THAT(report, HasSubstr("deadlock: no task can run and no timer is set\nat +12.000000000s\n"));
  EXPECT_THAT(report, HasSubstr("  reader  process  nothing in particular  +12.000000000s  for ever\n"));
  EXPECT_THAT(report, HasSubstr("  writer  process  nothing in particular  +0.000000000s   for ever\n"));
}

TEST_F(SchedulerTest, ReportsADeadlockThatBackgroundTasksWouldHide) {
  const auto renewer = spawn(
      "renewer",
      [&] {
        while (!scheduler.current_killed()) sleep(10s);
      },
      Scheduler::Role::background);
  spawn("worker", [&] {
    sleep(5s);
    wait_for_ever();
  });
  const std::string report = failure(SimulationFailure::Kind::deadlock);
  EXPECT_THAT(report, HasSubstr("deadlock: nothing but background tasks has run since +5.000000000s\n"));
  EXPECT_THAT(report, HasSubstr("worker"));
  EXPECT_THAT(report, HasSubstr("renewer"));
}

TEST_F(SchedulerTest, TakesALongSleepForNoDeadlock) {
  spawn(
      "renewer", [&] { wait_for_ever(); }, Scheduler::Role::background);
  spawn("worker", [&] { sleep(20h); });
  scheduler.run();
  EXPECT_EQ(scheduler.elapsed(), 20h);
}

TEST_F(SchedulerTest, ReportsATaskThatSpinsWithoutLettingTimePass) {
  spawn("spinner", [&] {
    for (;;) {
      scheduler.park(scheduler.now(), nothing);
      scheduler.throw_if_killed();
    }
  });
  const std::string report = failure(SimulationFailure::Kind::livelock);
  EXPECT_THAT(report, HasSubstr("livelock: 5001 steps and time stood still; the next would be spinner"));
  EXPECT_THAT(report, HasSubstr("  spinner  process  (could run) nothing in particular"));
}

TEST_F(SchedulerTest, ReportsATimerThatIsArmedForNowForEver) {
  struct Rearms final : Timer {
    explicit Rearms(Scheduler& its_scheduler) : scheduler(its_scheduler) {}
    void fire() override { scheduler.arm(*this, scheduler.now()); }
    Scheduler& scheduler;
  };
  Rearms timer(scheduler);
  scheduler.arm(timer, scheduler.now() + 1s);
  spawn("waiter", [&] { wait_for_ever(); });
  EXPECT_THAT(failure(SimulationFailure::Kind::livelock), HasSubstr("time stood still; the next would be a timer\n"));
  scheduler.disarm(timer);
}

TEST_F(SchedulerTest, ReportsARunThatNeverEnds) {
  spawn("forever", [&] {
    while (!scheduler.current_killed()) sleep(1min);
  });
  EXPECT_THAT(failure(SimulationFailure::Kind::time_limit), HasSubstr("time_limit is over"));
}

TEST_F(SchedulerTest, FailsTheRunWithTheNameOfATaskThatThrows) {
  spawn("careless", [] { throw std::runtime_error("no such file"); });
  EXPECT_THAT(failure(SimulationFailure::Kind::escaped_exception),
              HasSubstr("task careless ended with an exception at +0.000000000s: no such file"));
}

TEST_F(SchedulerTest, RefusesToWaitWhileATimerFires) {
  struct Waits final : Timer {
    explicit Waits(Scheduler& its_scheduler) : scheduler(its_scheduler) {}
    void fire() override { EXPECT_THROW(scheduler.sleep_until(scheduler.now()), std::logic_error); }
    Scheduler& scheduler;
  };
  Waits timer(scheduler);
  scheduler.arm(timer, scheduler.now());
  scheduler.run_until(scheduler.now() + 1s);
}

TEST_F(SchedulerTest, FiresATimerOnceAtItsLastInstant) {
  struct Counts final : Timer {
    void fire() override { ++count; }
    int count = 0;
  };
  Counts moved;
  Counts disarmed;
  scheduler.arm(moved, scheduler.now() + 1s);
  scheduler.arm(moved, scheduler.now() + 3s);
  scheduler.arm(disarmed, scheduler.now() + 1s);
  scheduler.disarm(disarmed);
  scheduler.run_until(scheduler.now() + 2s);
  EXPECT_EQ(moved.count, 0);
  scheduler.run_until(scheduler.now() + 2s);
  EXPECT_EQ(moved.count, 1);
  EXPECT_EQ(disarmed.count, 0);
}

TEST_F(SchedulerTest, PausesAWholeGroupWhileTimeGoesOn) {
  Duration woke{};
  spawn("sleeper", [&] {
    sleep(1s);
    woke = scheduler.elapsed();
  });
  scheduler.run_until(Scheduler::start + 500ms);
  scheduler.pause(group);
  scheduler.run_until(Scheduler::start + 5s);
  EXPECT_EQ(woke, 0s);
  scheduler.resume(group);
  scheduler.run();
  EXPECT_EQ(woke, 5s);
}

// Clocks.

TEST_F(SchedulerTest, GivesEachProcessItsOwnClock) {
  VirtualRuntime fast(scheduler, group, {.offset = 1h, .rate = 2.0}, RandomStream(1, "fast"));
  VirtualRuntime plain(scheduler, group, {}, RandomStream(1, "plain"));
  EXPECT_EQ(fast.now() - plain.now(), 1h);
  spawn("fast", [&] {
    const TimePoint before = fast.now();
    fast.sleep_for(10s);
    EXPECT_EQ(fast.now() - before, 10s);
    EXPECT_EQ(scheduler.elapsed(), 5s);
  });
  scheduler.run();
}

TEST_F(SchedulerTest, LooksAtDeadlinesAgainWhenTheRateOfAClockChanges) {
  VirtualRuntime runtime(scheduler, group, {}, RandomStream(1, "test"));
  spawn("sleeper", [&] { runtime.sleep_for(20s); });
  scheduler.run_until(Scheduler::start + 10s);
  runtime.set_clock_rate(0.5);
  scheduler.run();
  EXPECT_EQ(scheduler.elapsed(), 30s);
}

}  // namespace
}  // namespace deimos::testkit

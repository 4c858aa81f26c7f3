#include <deimos/testkit/scheduler.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <deimos/testkit/virtual_runtime.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Nothing final : public WaitTarget {
 public:
  [[nodiscard]] std::string describe() const override { return "nothing in particular"; }
};

class SchedulerTest : public ::testing::Test {
 protected:
  std::shared_ptr<Fiber> spawn(std::string name, std::function<void()> body,
                               Scheduler::Role role = Scheduler::Role::foreground) {
    return scheduler.spawn(group, std::move(name), role, [body = std::move(body)](std::stop_token) { body(); });
  }
  /// May throw in a task that was killed, as Process::sleep().
  void sleep(Duration duration) {
    scheduler.sleep_until(scheduler.now() + duration);
    scheduler.throw_if_killed();
  }
  void wait_for_ever() { scheduler.park(TimePoint::max(), nothing); }
  /// The report of the failure that run() ends with.
  std::string failure(SimulationFailure::Kind kind) {
    try {
      scheduler.run();
    } catch (const SimulationFailure& error) {
      EXPECT_EQ(error.kind(), kind);
      return error.what();
    }
    ADD_FAILURE() << "run() returned";
    return "";
  }

  Nothing nothing;
  Scheduler scheduler{{.steps_per_instant = 5000}};
  TaskGroup& group = scheduler.add_group("process");
};

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
    for (;;) scheduler.park(scheduler.now(), nothing);
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

// Killing.

struct SetsFlag {
  explicit SetsFlag(bool& its_flag) : flag(its_flag) {}
  ~SetsFlag() { flag = true; }
  bool& flag;
};

struct Appends {
  Appends(std::vector<std::string>& its_list, std::string its_text) : list(its_list), text(std::move(its_text)) {}
  ~Appends() { list.push_back(text); }
  std::vector<std::string>& list;
  std::string text;
};

TEST_F(SchedulerTest, RunsTheDestructorsOfATaskThatIsKilled) {
  bool destroyed = false;
  bool went_on = false;
  spawn("victim", [&] {
    const SetsFlag guard(destroyed);
    sleep(1h);
    went_on = true;
  });
  scheduler.run_until(scheduler.now() + 1s);
  scheduler.kill(group);
  scheduler.run();
  EXPECT_TRUE(destroyed);
  EXPECT_FALSE(went_on);
  EXPECT_EQ(scheduler.elapsed(), 1s);
}

TEST_F(SchedulerTest, NeverStartsATaskThatIsKilledBefore) {
  bool started = false;
  spawn("early", [&] { started = true; });
  scheduler.kill(group);
  spawn("late", [&] { started = true; });
  scheduler.run();
  EXPECT_FALSE(started);
}

TEST_F(SchedulerTest, LetsATaskThatWasKilledWaitInItsDestructorsWithoutTakingTime) {
  VirtualRuntime runtime(scheduler, group, {}, RandomStream(1, "test"));
  int tries = 0;
  struct Waits {
    ~Waits() {
      const TimePoint deadline = saturating_add(runtime.now(), 10s);
      while (runtime.now() < deadline) {
        ++tries;
        runtime.sleep_for(1s);
      }
    }
    VirtualRuntime& runtime;
    int& tries;
  };
  spawn("victim", [&] {
    const Waits cleans_up{runtime, tries};
    sleep(1h);
  });
  scheduler.run_until(scheduler.now() + 1s);
  scheduler.kill(group);
  scheduler.run();
  EXPECT_EQ(tries, 10);
  EXPECT_EQ(scheduler.elapsed(), 1s);
}

[[gnu::noinline]] void sleep_and_never_throw(Scheduler& scheduler, bool& ended) noexcept {
  const std::string local(100, 'x');  // Its destructor is a cleanup on the way of an exception.
  scheduler.sleep_until(scheduler.now() + 2s);
  ended = local.size() == 100;
}

TEST_F(SchedulerTest, LetsCodeThatMustNotThrowComeToItsEndWhenItIsKilled) {
  bool unlocked = false;
  spawn("victim", [&] {
    sleep_and_never_throw(scheduler, unlocked);
    sleep(1s);
    ADD_FAILURE() << "went on";
  });
  scheduler.run_until(scheduler.now() + 1s);
  scheduler.kill(group);
  scheduler.run();
  EXPECT_TRUE(unlocked);
  EXPECT_EQ(scheduler.abandoned_tasks(), 0U);
}

TEST_F(SchedulerTest, AbandonsAKilledTaskThatThrowsWhereItMustNot) {
  bool last_ran = false;
  scheduler.spawn(
      group, "victim", Scheduler::Role::foreground,
      [&](std::stop_token) {
        const auto unlock = [&]() noexcept {
          const std::string local(10, 'x');
          sleep(2s);
        };
        unlock();
      },
      [&] { last_ran = true; });
  scheduler.run_until(scheduler.now() + 1s);
  const std::terminate_handler before = std::get_terminate();
  scheduler.kill(group);
  scheduler.run();
  EXPECT_TRUE(last_ran);
  EXPECT_EQ(scheduler.abandoned_tasks(), 1U);
  EXPECT_THAT(scheduler.history().tail(), HasSubstr("abandoned   process       victim"));
  EXPECT_EQ(std::get_terminate(), before);
}

TEST_F(SchedulerTest, AbandonsAKilledTaskThatWaitsForEver) {
  bool others_run = false;
  spawn("stubborn", [&] {
    for (;;) scheduler.sleep_until(scheduler.now() + 1s);
  });
  scheduler.spawn(scheduler.default_group(), "other", Scheduler::Role::foreground, [&](std::stop_token) {
    scheduler.sleep_until(scheduler.now() + 1min);
    others_run = true;
  });
  scheduler.run_until(scheduler.now() + 1s);
  scheduler.kill(group);
  scheduler.run();
  EXPECT_TRUE(others_run);
  EXPECT_EQ(scheduler.abandoned_tasks(), 1U);
}

TEST(SchedulerTerminate, LeavesTheHandlerOfTheProcessAloneWhateverThreadsRun) {
  const std::terminate_handler before = std::get_terminate();
  const auto simulate = [] {
    for (int i = 0; i < 200; ++i) {
      Scheduler scheduler;
      TaskGroup& group = scheduler.add_group("process");
      scheduler.spawn(group, "victim", Scheduler::Role::foreground, [&](std::stop_token) {
        scheduler.sleep_until(scheduler.now() + 1h);
        scheduler.throw_if_killed();
      });
      scheduler.run_until(scheduler.now() + 1s);
      scheduler.kill(group);
      scheduler.run();
    }
  };
  std::jthread other(simulate);
  simulate();
  other.join();
  EXPECT_EQ(std::get_terminate(), before);
}

TEST_F(SchedulerTest, EndsATaskThatCatchesEverythingAndWaitsAgain) {
  bool ended = false;
  spawn("stubborn", [&] {
    const SetsFlag guard(ended);
    for (;;) {
      try {
        wait_for_ever();
      } catch (const std::exception&) {
        ADD_FAILURE() << "must not look like an error";
      } catch (...) {
        throw;
      }
    }
  });
  scheduler.run_until(scheduler.now() + 1s);
  scheduler.kill(group);
  scheduler.run();
  EXPECT_TRUE(ended);
}

TEST_F(SchedulerTest, KillsTasksThatWaitForEachOther) {
  VirtualRuntime runtime(scheduler, group, {}, RandomStream(1, "test"));
  std::vector<std::string> ended;
  spawn("parent", [&] {
    const auto child = runtime.spawn("child", [&](std::stop_token stop) {
      const Appends last(ended, "child");
      while (!stop.stop_requested()) runtime.sleep_for(1h);
    });
    const Appends first(ended, "parent");
    runtime.sleep_for(1h);
  });
  scheduler.run_until(scheduler.now() + 1s);
  scheduler.kill(group);
  scheduler.run();
  EXPECT_THAT(ended, ElementsAre("parent", "child"));
}

TEST_F(SchedulerTest, IgnoresWhatATaskThrowsAfterItWasKilled) {
  spawn("victim", [&] {
    [&]() noexcept { sleep(1h); }();
    throw std::runtime_error("lost connection");
  });
  scheduler.run_until(scheduler.now() + 1s);
  scheduler.kill(group);
  EXPECT_NO_THROW(scheduler.run());
}

TEST_F(SchedulerTest, KillsAPausedGroup) {
  bool destroyed = false;
  spawn("victim", [&] {
    const SetsFlag guard(destroyed);
    sleep(1s);
  });
  scheduler.run_until(scheduler.now() + 1ms);
  scheduler.pause(group);
  scheduler.run_until(scheduler.now() + 2s);
  EXPECT_FALSE(destroyed);
  scheduler.kill(group);
  scheduler.run();
  EXPECT_TRUE(destroyed);
}

TEST(SchedulerShutDown, RunsTheDestructorsOfEveryTask) {
  bool destroyed = false;
  {
    Scheduler scheduler;
    scheduler.spawn(scheduler.default_group(), "task", Scheduler::Role::background, [&](std::stop_token) {
      const SetsFlag guard(destroyed);
      scheduler.sleep_until(scheduler.now() + 1h);
    });
    scheduler.run_until(scheduler.now() + 1s);
  }
  EXPECT_TRUE(destroyed);
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

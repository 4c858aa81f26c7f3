// What becomes of tasks that are killed.
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fibers/sanitizers.h"
#include "scheduler/scheduler_fixture.h"

namespace deimos::testkit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Abandoned tasks leak what their stacks own: that is no news.
struct [[maybe_unused]] ExpectsLeaks {
#ifdef DEIMOS_ASAN
  __lsan::ScopedDisabler disabler;
#endif
};

using SchedulerKill = SchedulerTest;

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

TEST_F(SchedulerKill, RunsTheDestructorsOfATaskThatIsKilled) {
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

TEST_F(SchedulerKill, NeverStartsATaskThatIsKilledBefore) {
  bool started = false;
  spawn("early", [&] { started = true; });
  scheduler.kill(group);
  spawn("late", [&] { started = true; });
  scheduler.run();
  EXPECT_FALSE(started);
}

TEST_F(SchedulerKill, LetsATaskThatWasKilledWaitInItsDestructorsWithoutTakingTime) {
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

TEST_F(SchedulerKill, LetsCodeThatMustNotThrowComeToItsEndWhenItIsKilled) {
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

TEST_F(SchedulerKill, AbandonsAKilledTaskThatThrowsWhereItMustNot) {
  const ExpectsLeaks leaks;
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

TEST_F(SchedulerKill, AbandonsAKilledTaskThatWaitsForEver) {
  const ExpectsLeaks leaks;
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

TEST_F(SchedulerKill, EndsATaskThatCatchesEverythingAndWaitsAgain) {
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

TEST_F(SchedulerKill, KillsTasksThatWaitForEachOther) {
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

TEST_F(SchedulerKill, IgnoresWhatATaskThrowsAfterItWasKilled) {
  const ExpectsLeaks leaks;
  spawn("victim", [&] {
    [&]() noexcept { sleep(1h); }();
    throw std::runtime_error("lost connection");
  });
  scheduler.run_until(scheduler.now() + 1s);
  scheduler.kill(group);
  EXPECT_NO_THROW(scheduler.run());
}

TEST_F(SchedulerKill, KillsAPausedGroup) {
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

}  // namespace
}  // namespace deimos::testkit

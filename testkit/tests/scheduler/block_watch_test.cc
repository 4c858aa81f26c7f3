#include "scheduler/block_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <array>
#include <atomic>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include <deimos/testkit/scheduler.h>
#include <deimos/testkit/simulation.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

/// Something real to wait for.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe(ends_.data()), 0); }
  ~Pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  void send() { EXPECT_EQ(::write(ends_[1], "", 1), 1); }
  /// Blocks the thread.
  void receive() {
    char byte = 0;
    EXPECT_EQ(::read(ends_[0], &byte, 1), 1);
  }

 private:
  std::array<int, 2> ends_{};
};

/// What the watch reports; calls `then` each time, whereupon the task comes back.
class Reports {
 public:
  explicit Reports(std::function<void()> then) : then_(std::move(then)) {}
  SchedulerOptions options(Duration limit = 60ms) {
    return {.block_limit = limit, .on_blocked = [this](const std::string& report) {
              {
                const std::lock_guard lock(mutex_);
                reports_.push_back(report);
              }
              then_();
            }};
  }
  std::vector<std::string> all() {
    const std::lock_guard lock(mutex_);
    return reports_;
  }

 private:
  const std::function<void()> then_;
  std::mutex mutex_;
  std::vector<std::string> reports_;
};

std::shared_ptr<Fiber> spawn(Scheduler& scheduler, std::function<void()> body) {
  return scheduler.spawn(scheduler.add_group("host"), "careless", Scheduler::Role::foreground,
                         [body = std::move(body)](std::stop_token) { body(); });
}

/// The report of the failure that `run` ends with.
std::string failure(const std::function<void()>& run) {
  try {
    run();
  } catch (const SimulationFailure& error) {
    EXPECT_EQ(error.kind(), SimulationFailure::Kind::blocked_task) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "the run did not fail";
  return "";
}

TEST(BlockWatch, FailsTheRunOfATaskThatBlocksForRealAndNamesIt) {
  Pipe pipe;
  Reports reports([&] { pipe.send(); });
  Scheduler scheduler(reports.options());
  spawn(scheduler, [&] {
    scheduler.sleep_until(scheduler.now() + 3s);
    pipe.receive();
  });
  const std::string report = failure([&] { scheduler.run(); });
  EXPECT_THAT(report, AllOf(HasSubstr("task careless of process host blocked for real for 0."),
                            HasSubstr("\nat +3.000000000s\n")));
  ASSERT_EQ(reports.all().size(), 1u);
  EXPECT_THAT(reports.all()[0], AllOf(HasSubstr("task careless of process host has run for 0."),
                                      HasSubstr(" of real time at +3.000000000s and is blocked in ")));
#ifdef __linux__
  EXPECT_THAT(report, HasSubstr(" in system call " + std::to_string(0) + " (read)"));
#endif
}

TEST(BlockWatch, TellsHowToReplayWhatBlocked) {
  std::promise<void> promise;
  Reports reports([&] { promise.set_value(); });
  Simulation simulation({.seed = 77, .scheduler = reports.options()});
  simulation.spawn("host", [&](Process& process) {
    process.note("is about to wait");
    promise.get_future().wait();
  });
  const std::string report = failure([&] { simulation.run(); });
  EXPECT_THAT(report, AllOf(HasSubstr("task host of process host blocked for real"), HasSubstr("is about to wait"),
                            HasSubstr("to replay: DEIMOS_SEED=77 ")));
#ifdef __linux__
  EXPECT_THAT(report, HasSubstr("(futex: a mutex, condition variable, "));
#endif
  EXPECT_THAT(reports.all(), ElementsAre(HasSubstr("\nseed 77; to replay: DEIMOS_SEED=77 ")));
}

TEST(BlockWatch, NamesATimerWhoseActionBlocks) {
  struct Blocks final : Timer {
    void fire() override { pipe.receive(); }
    Pipe pipe;
  };
  Blocks timer;
  Reports reports([&] { timer.pipe.send(); });
  Scheduler scheduler(reports.options());
  scheduler.arm(timer, scheduler.now() + 1s);
  EXPECT_THAT(failure([&] { scheduler.run_until(scheduler.now() + 2s); }),
              HasSubstr("a timer's action blocked for real"));
}

TEST(BlockWatch, OnlyReportsATaskThatComputesForLong) {
  std::atomic<bool> enough = false;
  Reports reports([&] { enough = true; });
  Scheduler scheduler(reports.options());
  spawn(scheduler, [&] {
    while (!enough) continue;
  });
  scheduler.run();
  EXPECT_THAT(reports.all(), ElementsAre(HasSubstr("task careless of process host has run for 0.")));
  EXPECT_THAT(reports.all(), ElementsAre(HasSubstr("without waiting in virtual time")));
}

TEST(BlockWatch, SaysNothingOfALongRunOfShortTasks) {
  Reports reports([] {});
  Scheduler scheduler(reports.options(600ms));
  const auto watch = BlockWatch::of_this_thread();
  spawn(scheduler, [&] {
    // Twice the limit, as the watch counts.
    const std::uint64_t enough = watch->looks() + 60;
    while (watch->looks() < enough) scheduler.sleep_until(scheduler.now() + 1ns);
  });
  scheduler.run();
  EXPECT_THAT(reports.all(), IsEmpty());
}

TEST(BlockWatch, LetsTheTestItselfBlock) {
  Reports reports([] {});
  Scheduler scheduler(reports.options(40ms));
  scheduler.run_until(scheduler.now() + 1s);
  // Blocks in another scheduler's task until what this one allows is over five times.
  Pipe pipe;
  Reports others([&] { pipe.send(); });
  Scheduler other(others.options(200ms));
  spawn(other, [&] { pipe.receive(); });
  EXPECT_THROW(other.run(), SimulationFailure);
  scheduler.run_until(scheduler.now() + 1s);
  EXPECT_THAT(reports.all(), IsEmpty());
}

TEST(BlockWatch, NamesTheInnerTaskWhenATaskRunsAnotherScheduler) {
  Pipe pipe;
  Reports outer_reports([] {});
  Scheduler outer(outer_reports.options(1s));
  Reports inner_reports([&] { pipe.send(); });
  std::string report;
  spawn(outer, [&] {
    Scheduler inner(inner_reports.options());
    inner.spawn(inner.default_group(), "inner", Scheduler::Role::foreground, [&](std::stop_token) { pipe.receive(); });
    report = failure([&] { inner.run(); });
  });
  outer.run();
  EXPECT_THAT(report, HasSubstr("task inner of process - blocked for real"));
  EXPECT_THAT(outer_reports.all(), IsEmpty());
}

TEST(BlockWatch, CanBeSwitchedOff) {
  const auto watch = BlockWatch::of_this_thread();
  Reports reports([] {});
  Scheduler watched(reports.options());
  Scheduler scheduler(reports.options(0s));
  const std::uint64_t before = watch->looks();
  spawn(scheduler, [&] {
    for (int i = 0; i < 1000; ++i) scheduler.sleep_until(scheduler.now() + 1ns);
  });
  scheduler.run();
  EXPECT_EQ(watch->looks(), before);
}

TEST(BlockWatch, RefusesANegativeLimit) { EXPECT_THROW(Scheduler({.block_limit = -1ns}), std::invalid_argument); }

class BlockWatchDeath : public ::testing::Test {
 protected:
  BlockWatchDeath() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(BlockWatchDeath, EndsTheProgramIfATaskStaysBlocked) {
  EXPECT_DEATH(
      {
        Pipe pipe;
        Simulation simulation({.seed = 5, .scheduler = {.block_limit = 40ms}});
        simulation.spawn("host", [&](Process& process) {
          process.note("waits for nobody");
          pipe.receive();
        });
        simulation.run();
      },
      "task host of process host has run for 0.. s of real time at .0.000000000s and is blocked in "
      "(.|\n)*is still blocked in (.|\n)*so the program ends here(.|\n)*waits for nobody"
      "(.|\n)*seed 5; to replay: DEIMOS_SEED=5 ");
}

TEST_F(BlockWatchDeath, EndsTheProgramIfATaskNeverWaits) {
  EXPECT_DEATH(
      {
        std::atomic<bool> never = false;
        Scheduler scheduler({.block_limit = 20ms});
        spawn(scheduler, [&] {
          while (!never) continue;
        });
        scheduler.run();
      },
      "has run for (.|\n)* without waiting in virtual time(.|\n)*taken to be hung, so the program ends here");
}

TEST_F(BlockWatchDeath, LetsAForkedChildEnd) {
  GTEST_FLAG_SET(death_test_style, "fast");
  Scheduler scheduler;
  scheduler.run_until(scheduler.now() + 1s);
  EXPECT_EXIT(
      {
        scheduler.run_until(scheduler.now() + 1s);
        std::exit(3);
      },
      ::testing::ExitedWithCode(3), "");
}

}  // namespace
}  // namespace deimos::testkit

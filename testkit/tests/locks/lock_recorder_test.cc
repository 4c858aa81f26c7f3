#include <deimos/testkit/lock_recorder.h>

#include <gtest/gtest.h>

#include <deimos/testkit/lock_matchers.h>
#include <deimos/testkit/simulation.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

class LockRecorderTest : public ::testing::Test {
 protected:
  /// A process that takes 'a' so many times, holds it so long, and pauses as long.
  void spawn_worker(const std::string& name, int rounds, Duration hold) {
    ProcessOptions options;
    options.client.observer = recorder.observe(name);
    simulation.spawn(
        name,
        [this, rounds, hold](Process& process) {
          RecordedLocks locks(process, recorder, {.ttl = 5s});
          for (int round = 0; round < rounds; ++round) {
            auto held = locks.acquire("a");
            if (!held) continue;
            process.sleep(hold);
            resource.write(*held);
            (void)held->release();
            process.sleep(hold);
          }
        },
        options);
  }

  Simulation simulation{{.seed = 7}};
  LockRecorder recorder{simulation.scheduler()};
  FencedResource resource{recorder, "a"};
};

TEST_F(LockRecorderTest, TwoWorkersTakeTurnsAndEveryCheckerIsContent) {
  spawn_worker("one", 5, 3s);
  spawn_worker("two", 5, 2s);
  simulation.run();
  const LockHistory history = recorder.history();
  EXPECT_EQ(history.tenures.size(), 10u);
  EXPECT_THAT(history, IsMutuallyExclusive());
  EXPECT_THAT(history, HasGrowingTokens());
  EXPECT_THAT(history, AcceptsItsHolders());
  EXPECT_THAT(history, AnnouncesLosses());
  EXPECT_THAT(history, ReturnsInTime());
  EXPECT_THAT(history, CountsReentry());
  EXPECT_THAT(history, ServesWaiters({.after_release = 100ms, .after_loss = 10s}));
  EXPECT_THAT(history, KeepsItsBudget());
  EXPECT_THAT(cleanliness(simulation, "/locks"), IsFine());
}

TEST_F(LockRecorderTest, AHolderThatIsCutOffLosesTheLockAtItsDeadline) {
  spawn_worker("one", 1, 20s);
  simulation.at(1s, [&] { simulation.network().cut("one", 1); });
  simulation.at(15s, [&] { simulation.network().heal("one", 1); });
  simulation.run_for(10s);
  spawn_worker("two", 1, 1s);
  simulation.run();
  const LockHistory history = recorder.history();
  ASSERT_EQ(history.tenures.size(), 2u) << history.tail();
  EXPECT_EQ(history.tenures[0].end, Tenure::End::expired);
  EXPECT_EQ(history.tenures[0].until, history.tenures[0].deadline);
  EXPECT_TRUE(history.tenures[0].announced.has_value());
  EXPECT_EQ(history.tenures[0].callbacks.size(), 1u);
  ASSERT_EQ(history.writes.size(), 2u);
  EXPECT_TRUE(history.writes[0].accepted);
  EXPECT_FALSE(history.writes[1].accepted) << "the one that was cut off comes last, with an old token";
  EXPECT_FALSE(history.writes[1].believed);
  EXPECT_THAT(history, IsMutuallyExclusive());
  EXPECT_THAT(history, AnnouncesLosses());
  EXPECT_THAT(history, CountsReentry());
}

// Found by the leak checker in runs with crashes: what was past its deadline when the manager was closed, before the
// watchdog could say so, was neither announced nor let go of.
TEST_F(LockRecorderTest, AManagerThatIsClosedAfterItSleptThroughALeaseSaysSoAndIsGone) {
  int told = 0;
  const auto alive = std::make_shared<int>();
  simulation.spawn("sleeper", [&](Process& process) {
    LockOptions options;
    options.ttl = 5s;
    options.on_event = [alive](const LockEvent&) {};
    LockManager locks(process.client(), options);
    auto hold = locks.mutex("a").acquire({.on_lost = [&](const Error&) { ++told; }});
    ASSERT_TRUE(hold);
    process.sleep(1s);
    locks.close();
    process.sleep(1s);
  });
  simulation.at(500ms, [&] { simulation.pause("sleeper", 20s); });
  simulation.run();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_F(LockRecorderTest, AManagerOfACrashedProcessIsGone) {
  const auto alive = std::make_shared<int>();
  simulation.spawn("victim", [&](Process& process) {
    LockOptions options;
    options.on_event = [alive](const LockEvent&) {};
    LockManager locks(process.client(), options);
    const auto hold = locks.mutex("a").acquire();
    process.sleep(1h);
  });
  simulation.at(1s, [&] { simulation.crash("victim"); });
  simulation.run();
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_F(LockRecorderTest, AStandstillThatEndsInACrashEndsATenureAtItsDeadline) {
  spawn_worker("one", 1, 60s);
  simulation.at(2s, [&] {
    recorder.stands_still("one", 30s);
    simulation.pause("one", 30s);
  });
  simulation.at(20s, [&] { simulation.crash("one"); });
  simulation.run_for(40s);
  const LockHistory history = recorder.history();
  ASSERT_EQ(history.tenures.size(), 1u);
  EXPECT_LT(history.tenures[0].until, Duration(8s));
  EXPECT_EQ(history.tenures[0].end, Tenure::End::crashed) << "nobody was there to be told";
  EXPECT_THAT(history, AnnouncesLosses());
}

TEST_F(LockRecorderTest, ACrashEndsATenure) {
  spawn_worker("one", 1, 20s);
  simulation.at(5s, [&] { simulation.crash("one"); });
  simulation.run();
  const LockHistory history = recorder.history();
  ASSERT_EQ(history.tenures.size(), 1u);
  EXPECT_EQ(history.tenures[0].end, Tenure::End::crashed);
  EXPECT_EQ(history.tenures[0].until, Duration(5s));
  EXPECT_THAT(history, AnnouncesLosses());
  EXPECT_FALSE(cleanliness(simulation, "/locks", {.watchers = false, .tasks = false}).ok()) << "its lease still runs";
  simulation.run_for(10s);
  EXPECT_THAT(cleanliness(simulation, "/locks"), IsFine());
}

}  // namespace
}  // namespace deimos::testkit

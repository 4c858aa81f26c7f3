// The leader is cut off, comes back, is replaced, or is heard one way only.
#include "scenario.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

using IsolatedLeader = ScenarioTest;

TEST_F(IsolatedLeader, ThatIsBackBeforeAnElectionCommitsWhatItWasAskedMeanwhile) {
  const std::uint64_t term = simulation.cluster().term();
  simulation.at(1s, [&] { simulation.cluster().isolate(1); });
  simulation.at(2s, [&] { simulation.cluster().rejoin(1); });
  spawn("writer", {1}, [&](Process& process) {
    process.sleep(1500ms);
    const auto answer = process.client().set("/today", "written");
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->raft_term, term);
    EXPECT_THAT(elapsed(), IsBetween(2s, 2s + instantly)) << "as soon as there was a quorum again";
  });
  spawn("holder", {1}, [&](Process& process) {
    const auto hold = acquire(process).value();
    process.sleep(1500ms);
    EXPECT_TRUE(hold.renew()) << "it waits for the quorum, too";
    EXPECT_THAT(elapsed(), IsBetween(2s, 2s + instantly));
  });
  spawn("reader", {2}, [&](Process& process) {
    process.sleep(1500ms);
    const auto answer = process.client().get("/today");
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->node.value, "written");
    EXPECT_THAT(elapsed(), IsBetween(4500ms, 4600ms)) << "what a follower sent on was lost, so it was asked again";
  });
  simulation.run();
  EXPECT_EQ(simulation.cluster().leader(), 1u);
  EXPECT_EQ(simulation.cluster().term(), term);
  EXPECT_EQ(times_told("holder", LockEvent::Kind::renewal_failed), 0u);
  expect_nothing_left();
}

TEST_F(IsolatedLeader, ThatIsReplacedLeavesItsWritesUnclear) {
  const std::uint64_t term = simulation.cluster().term();
  simulation.at(1s, [&] { simulation.cluster().isolate(1); });
  simulation.at(20s, [&] { simulation.cluster().rejoin(1); });
  spawn("impatient", {1}, [&](Process& process) {
    process.sleep(1500ms);
    const auto answer = process.client().set("/impatient", "written", {.timeout = 5s});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, errc::outcome_unknown);
    EXPECT_EQ(answer.error().code, condition::outcome_unknown);
    EXPECT_NE(answer.error().code, condition::retryable);
    EXPECT_EQ(answer.error().attempts, 1) << "a write is sent once";
    EXPECT_EQ(elapsed(), 6500ms);
  });
  spawn("patient", {1}, [&](Process& process) {
    process.sleep(1500ms);
    const auto answer = process.client().set("/patient", "written", {.timeout = 15s});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, errc::outcome_unknown);
    EXPECT_THAT(answer.error().message, HasSubstr("status 500"));
    EXPECT_THAT(elapsed(), IsBetween(11500ms, 11500ms + instantly)) << "the node gave up after its 10 s";
  });
  spawn("elsewhere", {2, 3}, [&](Process& process) {
    process.sleep(4s + instantly);
    const auto answer = process.client().set("/elsewhere", "written");
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->raft_term, term + 1);
    EXPECT_LT(elapsed(), 4s + 2 * instantly) << "an election takes at most 3 s";
  });
  simulation.run_for(21s);
  EXPECT_NE(simulation.cluster().leader(), 1u);
  EXPECT_EQ(simulation.cluster().term(), term + 1) << "who is back follows";
  // Whether they were applied is the election's choice; but the same for all who read, and none without the one before.
  for (const int node : {1, 2, 3}) {
    spawn("reader" + std::to_string(node), {node}, [&](Process& process) {
      EXPECT_EQ(process.client().get("/elsewhere").value().node.value, "written");
      EXPECT_EQ(process.client().get("/impatient").has_value(), stored("/impatient").has_value());
      EXPECT_EQ(process.client().get("/patient").has_value(), stored("/patient").has_value());
    });
  }
  simulation.run();
}

TEST_F(IsolatedLeader, ThatIsReplacedTakesNoLockFromItsHolder) {
  simulation.at(1s, [&] { simulation.cluster().isolate(1); });
  simulation.at(20s, [&] { simulation.cluster().rejoin(1); });
  std::uint64_t token = 0;
  Duration released = {};
  spawn("holder", {1, 2, 3},
        [&](Process& process) {
          auto hold = acquire(process).value();
          token = hold.fencing_token();
          process.sleep(25s);
          EXPECT_TRUE(hold.is_held());
          EXPECT_EQ(hold.fencing_token(), token);
          released = elapsed();
          EXPECT_EQ(hold.release().value(), Release::freed);
        },
        {.locks = {.ttl = 10s}});
  spawn("heir", {1, 2, 3}, [&](Process& process) {
    process.sleep(500ms);
    const auto hold = acquire(process);
    ASSERT_TRUE(hold) << hold.error().describe();
    EXPECT_GT(hold->fencing_token(), token);
    EXPECT_THAT(elapsed(), IsBetween(released, released + instantly));
  });
  simulation.run();
  EXPECT_EQ(times_told("holder", LockEvent::Kind::lost), 0u);
  expect_nothing_left();
}

TEST_F(IsolatedLeader, OrRatherOneThatIsReplacedInPassingIsNotNoticed) {
  const std::uint64_t term = simulation.cluster().term();
  for (int second = 1; second <= 20; ++second) {
    simulation.at(std::chrono::seconds(second), [&] { simulation.cluster().change_leader(); });
  }
  spawn("holder", {1, 2, 3},
        [&](Process& process) {
          const auto hold = acquire(process).value();
          process.sleep(21s);
          EXPECT_TRUE(hold.is_held());
        },
        {.locks = {.ttl = 2s}});
  simulation.run();
  EXPECT_EQ(simulation.cluster().term(), term + 20);
  EXPECT_EQ(times_told("holder", LockEvent::Kind::renewal_failed), 0u);
  EXPECT_EQ(times_told("holder", LockEvent::Kind::lost), 0u);
  expect_nothing_left();
}

using OneWayPartition = ScenarioTest;

TEST_F(OneWayPartition, OfALeaderThatIsNotHeardMovesLeadershipAndTakesNoLock) {
  simulation.at(1s, [&] {
    simulation.cluster().cut(1, 2);
    simulation.cluster().cut(1, 3);
  });
  spawn("holder", {1, 2, 3},
        [&](Process& process) {
          const auto hold = acquire(process).value();
          process.sleep(1min);
          EXPECT_TRUE(hold.is_held());
        },
        {.locks = {.ttl = 10s}});
  spawn("client of node 1", {1}, [&](Process& process) {
    process.sleep(10s);
    const auto answer = process.client().set("/key", "value", {.timeout = 5s});
    ASSERT_FALSE(answer) << "it hears the new leader, and is not heard by it";
    EXPECT_EQ(answer.error().code, errc::outcome_unknown);
  });
  simulation.run();
  EXPECT_NE(simulation.cluster().leader(), 1u);
  EXPECT_NE(simulation.cluster().leader(), 0u);
  EXPECT_EQ(times_told("holder", LockEvent::Kind::lost), 0u);
  EXPECT_EQ(stored("/key"), std::nullopt);
}

TEST_F(OneWayPartition, OfALeaderThatHearsNobodyEndsItsHoldersLeaseAndGrantsTheLockOnceHealed) {
  simulation.at(1s, [&] {
    simulation.cluster().cut(2, 1);
    simulation.cluster().cut(3, 1);
  });
  simulation.at(2min, [&] { simulation.cluster().heal(); });
  const std::uint64_t term = simulation.cluster().term();
  std::uint64_t token = 0;
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    auto hold = acquire(process).value();
    token = hold.fencing_token();
    const Duration deadline = elapsed() + (hold.expires_at() - process.now());
    sleep_until_lost(hold, process);
    EXPECT_THAT(elapsed(), IsBetween(deadline, deadline + 1ms)) << "its followers hear it, so they elect nobody";
    EXPECT_EQ(code_of(hold.release()), errc::lock_expired);
    process.sleep(3min);
  });
  spawn("heir", {1, 2, 3}, [&](Process& process) {
    process.sleep(1s);
    const auto hold = acquire(process);
    ASSERT_TRUE(hold) << hold.error().describe();
    EXPECT_GT(hold->fencing_token(), token);
    EXPECT_THAT(elapsed(), IsBetween(Duration(2min), 2min + 15s)) << "after a look that may just have begun to hang";
  });
  simulation.run();
  EXPECT_EQ(simulation.cluster().term(), term);
  ASSERT_EQ(times_told("holder", LockEvent::Kind::lost), 1u);
  EXPECT_EQ(told("holder", LockEvent::Kind::lost)[0].error, errc::lock_expired);
  EXPECT_GE(times_told("holder", LockEvent::Kind::renewal_failed), 2u) << "it went on trying";
  expect_nothing_left();
}

}  // namespace
}  // namespace deimos::testkit

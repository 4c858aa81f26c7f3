// What is read where there is no majority: nothing through consensus, the past on a node's own word or on a lease of
// its leader's. And what a lock makes of that.
#include "scenario.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

using MinorityReader = ScenarioTest;

TEST_F(MinorityReader, HearsNothingUntilItsTimeIsUp) {
  simulation.at(1s, [&] { simulation.cluster().isolate(3); });
  simulation.at(30s, [&] { simulation.cluster().rejoin(3); });
  spawn("writer", {1, 2}, [&](Process& process) {
    process.client().set("/key", "before").value();
    process.sleep(1500ms);
    EXPECT_TRUE(process.client().set("/key", "after")) << "two of three are a majority";
  });
  spawn("reader", {3}, [&](Process& process) {
    process.sleep(2s);
    const auto in_vain = process.client().get("/key");
    ASSERT_FALSE(in_vain);
    EXPECT_EQ(in_vain.error().code, errc::unavailable);
    EXPECT_EQ(in_vain.error().code, condition::retryable);
    EXPECT_NE(in_vain.error().code, condition::outcome_unknown) << "a read changes nothing";
    EXPECT_EQ(in_vain.error().attempts, 4) << "each waited 3 s";
    EXPECT_EQ(elapsed(), 12s);
    process.sleep(19s);
    EXPECT_EQ(process.client().get("/key").value().node.value, "after");
    EXPECT_LT(elapsed(), 31s + instantly);
  });
  simulation.run();
}

TEST_F(MinorityReader, WithPatienceIsToldThatThereIsNoQuorum) {
  simulation.at(1s, [&] { simulation.cluster().isolate(3); });
  spawn("reader", {3},
        [&](Process& process) {
          process.sleep(2s);
          const auto answer = process.client().get("/key");
          ASSERT_FALSE(answer);
          EXPECT_EQ(answer.error().code, errc::unavailable);
          EXPECT_THAT(answer.error().message, HasSubstr("status 500: Internal Server Error Internal Server Error"));
          EXPECT_THAT(elapsed(), IsBetween(12s, 12s + instantly)) << "the node gave up after its 10 s";
        },
        {.client = {.request_timeout = 15s, .attempt_timeout = 15s, .retry = {.max_attempts = 1}}});
  simulation.run();
}

TEST_F(MinorityReader, WithOtherEndpointsReadsThereInstead) {
  simulation.at(1s, [&] { simulation.cluster().isolate(3); });
  spawn("reader", {1, 2, 3}, [&](Process& process) {
    process.client().set("/key", "value").value();
    process.sleep(2s);
    for (int i = 0; i < 3; ++i) {
      const Duration before = elapsed();
      EXPECT_TRUE(process.client().get("/key"));
      EXPECT_LT(elapsed() - before, 3100ms) << "at most one attempt is in vain";
    }
  });
  simulation.run();
}

TEST_F(MinorityReader, AmongTheWaitersForALockGetsItOnceTheNodesAreBack) {
  simulation.at(1s, [&] { simulation.cluster().isolate(3); });
  simulation.at(30s, [&] { simulation.cluster().rejoin(3); });
  spawn("holder", {1, 2}, [&](Process& process) {
    auto hold = acquire(process).value();
    process.sleep(10s);
    EXPECT_EQ(hold.release().value(), Release::freed);
  });
  spawn("heir", {3}, [&](Process& process) {
    process.sleep(500ms);
    const auto hold = acquire(process);
    ASSERT_TRUE(hold) << hold.error().describe();
    EXPECT_THAT(elapsed(), IsBetween(30s, 30s + 10s)) << "after a look that may just have begun to hang";
  });
  simulation.run();
  expect_nothing_left();
}

class LocalReads : public ScenarioTest {
 protected:
  LocalReads() : ScenarioTest({.read_mode = fake::ReadMode::local}) {}
};

TEST_F(LocalReads, ShowThePastOnANodeThatIsCutOff) {
  simulation.at(1s, [&] { simulation.cluster().isolate(3); });
  simulation.at(10s, [&] { simulation.cluster().rejoin(3); });
  std::uint64_t written = 0;
  spawn("writer", {1}, [&](Process& process) {
    process.client().set("/key", "old").value();
    process.sleep(2s);
    written = process.client().set("/key", "new").value().node.modified_index;
  });
  spawn("reader", {3}, [&](Process& process) {
    process.sleep(5s);
    const Answer stale = process.client().get("/key").value();
    EXPECT_EQ(stale.node.value, "old") << "and nothing in the answer says that it is";
    EXPECT_LT(stale.index, written);
    process.sleep(5s);
    EXPECT_EQ(process.client().get("/key").value().node.value, "new");
  });
  simulation.run();
}

TEST_F(LocalReads, MayShowALockAsHeldThatIsFreeButNeverGrantOneThatIsHeld) {
  simulation.at(1s, [&] { simulation.cluster().isolate(3); });
  simulation.at(20s, [&] { simulation.cluster().rejoin(3); });
  std::uint64_t token_of_next = 0;
  Duration freed = {};
  spawn("first", {1}, [&](Process& process) {
    auto hold = acquire(process).value();
    process.sleep(2s);
    EXPECT_EQ(hold.release().value(), Release::freed);
  });
  spawn("next", {2}, [&](Process& process) {
    process.sleep(2500ms);
    auto hold = acquire(process).value();
    token_of_next = hold.fencing_token();
    process.sleep(1min);
    freed = elapsed();
    EXPECT_EQ(hold.release().value(), Release::freed);
  });
  spawn("cut off", {3}, [&](Process& process) {
    process.sleep(3s);
    const auto info = process.locks().info("reports").value();
    ASSERT_TRUE(info);
    EXPECT_EQ(info->owner, "first") << "who has released it";
    const auto hold = acquire(process);
    ASSERT_TRUE(hold) << hold.error().describe();
    EXPECT_GT(hold->fencing_token(), token_of_next);
    EXPECT_THAT(elapsed(), IsBetween(freed, freed + instantly));
  });
  simulation.run();
  expect_nothing_left();
}

class LeaderLease : public ScenarioTest {
 protected:
  LeaderLease() : ScenarioTest({.read_mode = fake::ReadMode::leader_lease, .lease = 10s}) {}
};

TEST_F(LeaderLease, ThatOutlivesItsLeaderShowsThePastUntilItEnds) {
  const std::uint64_t term = simulation.cluster().term();
  simulation.at(1s, [&] { simulation.cluster().isolate(1); });
  simulation.at(30s, [&] { simulation.cluster().rejoin(1); });
  spawn("writer", {2, 3}, [&](Process& process) {
    process.client().set("/key", "old").value();
    process.sleep(4s + instantly);
    const Answer written = process.client().set("/key", "new").value();
    EXPECT_EQ(written.raft_term, term + 1);
  });
  spawn("reader", {1}, [&](Process& process) {
    process.sleep(10s);
    const Answer stale = process.client().get("/key").value();
    EXPECT_EQ(stale.node.value, "old");
    EXPECT_EQ(stale.raft_term, term) << "by which one could tell";
    process.sleep(2s);
    EXPECT_EQ(code_of(process.client().get("/key")), errc::unavailable) << "its lease has ended";
    process.sleep(10s);
    EXPECT_EQ(process.client().get("/key").value().node.value, "new");
  });
  simulation.run();
}

}  // namespace
}  // namespace deimos::testkit

// What was asked for and not clearly answered: it may have been done, or be done later.
#include "scenario.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using fake::Command;

using LateCreate = ScenarioTest;

TEST_F(LateCreate, ThatALeaderKeptUntilItsQuorumWasBackIsCleanedUp) {
  simulation.at(1s, [&] { simulation.cluster().isolate(1); });
  simulation.at(2200ms, [&] { simulation.cluster().rejoin(1); });
  spawn("hasty", {1}, [&](Process& process) {
    process.sleep(1100ms);
    const auto hold = acquire(process, {.wait = 500ms});
    ASSERT_FALSE(hold);
    EXPECT_EQ(hold.error().code, errc::outcome_unknown) << "not a time-out: nobody said that the lock was taken";
    EXPECT_EQ(elapsed(), 1600ms);
    process.sleep(1min);
  });
  spawn("heir", {1, 2, 3}, [&](Process& process) {
    process.sleep(2300ms);
    EXPECT_TRUE(acquire(process));
    EXPECT_LT(elapsed(), 4s) << "long before the lease that nobody wants would have ended";
  });
  simulation.run();
  ASSERT_GE(changes().size(), 2u);
  EXPECT_EQ(changes()[0].kind, Command::Kind::create);
  EXPECT_EQ(changes()[0].client, "hasty");
  EXPECT_EQ(time_of(changes()[0]), 2200ms) << "after its process had given up";
  EXPECT_EQ(changes()[1].kind, Command::Kind::compare_and_delete);
  EXPECT_EQ(changes()[1].client, "hasty");
  EXPECT_EQ(times_told("hasty", LockEvent::Kind::left_to_cleaner), 1u);
  EXPECT_EQ(times_told("hasty", LockEvent::Kind::cleaned), 1u);
  expect_nothing_left();
}

TEST_F(LateCreate, ThatAnElectionMayOrMayNotSaveIsCleanedUpIfItDid) {
  // Only the leader takes the create, and it is about to be replaced.
  simulation.at(1s, [&] {
    simulation.cluster().isolate(1);
    simulation.network().refuse(2);
    simulation.network().refuse(3);
  });
  simulation.at(2s, [&] { simulation.network().heal(); });
  simulation.at(20s, [&] { simulation.cluster().rejoin(1); });
  spawn("hasty", {1, 2, 3}, [&](Process& process) {
    process.sleep(1100ms);
    EXPECT_EQ(code_of(acquire(process, {.wait = 500ms})), errc::outcome_unknown);
    process.sleep(1min);
  });
  spawn("heir", {2, 3}, [&](Process& process) {
    process.sleep(5s);
    EXPECT_TRUE(acquire(process));
    EXPECT_LT(elapsed(), 15s) << "long before the lease that nobody wants would have ended";
  });
  simulation.run();
  EXPECT_EQ(count_applied("hasty", Command::Kind::create), count_applied("hasty", Command::Kind::compare_and_delete));
  EXPECT_EQ(times_told("hasty", LockEvent::Kind::cleaned), 1u);
  expect_nothing_left();
}

TEST_F(LateCreate, ThatIsAppliedWhileItsProcessStillWaitsIsTakenForItsOwn) {
  simulation.at(1s, [&] { simulation.cluster().isolate(1); });
  simulation.at(2200ms, [&] { simulation.cluster().rejoin(1); });
  spawn("patient", {1},
        [&](Process& process) {
          process.sleep(1100ms);
          const auto hold = acquire(process);
          ASSERT_TRUE(hold) << hold.error().describe();
          EXPECT_THAT(elapsed(), IsBetween(2200ms, 4s));
          EXPECT_TRUE(hold->is_held());
          EXPECT_EQ(hold->fencing_token(), process.client().get(lock_key).value().node.modified_index);
        },
        {.locks = {.request_timeout = 500ms}});
  simulation.run();
  EXPECT_EQ(count_applied("patient", Command::Kind::create), 1u);
  EXPECT_EQ(times_told("patient", LockEvent::Kind::acquired), 1u);
  expect_nothing_left();
}

TEST_F(LateCreate, ThatComesAfterALaterOneWasGrantedAndReleasedIsCleanedUp) {
  disturb("holder", "PUT", of_create, 1, fake::Delay{20s, 20s});
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    auto hold = acquire(process).value();
    EXPECT_THAT(elapsed(), IsBetween(5s, 5100ms)) << "it was asked for again when no answer had come in 5 s";
    process.sleep(1s);
    EXPECT_EQ(hold.release().value(), Release::freed);
    process.sleep(1min);
  });
  spawn("heir", {1, 2, 3}, [&](Process& process) {
    process.sleep(20100ms);
    EXPECT_TRUE(acquire(process));
    EXPECT_LT(elapsed(), 26s) << "the lease that nobody wants would have gone on until 50 s";
  });
  simulation.run();
  EXPECT_EQ(count_applied("holder", Command::Kind::create), 2u);
  EXPECT_EQ(count_applied("holder", Command::Kind::compare_and_delete), 2u);
  expect_nothing_left();
}

using LostAnswer = ScenarioTest;

TEST_F(LostAnswer, ToAnAcquireIsReadBack) {
  disturb("holder", "PUT", of_create, 1, fake::DropAnswer{});
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    const auto hold = acquire(process);
    ASSERT_TRUE(hold) << hold.error().describe();
    EXPECT_THAT(elapsed(), IsBetween(5s, 5100ms)) << "at the end of the step, not of the lease";
    EXPECT_TRUE(hold->is_held());
    process.sleep(1min);
    EXPECT_TRUE(hold->is_held());
  });
  spawn("rival", {1, 2, 3}, [&](Process& process) {
    process.sleep(2s);
    EXPECT_EQ(code_of(acquire(process, {.wait = 0s})), errc::lock_already_held);
  });
  simulation.run();
  EXPECT_EQ(count_applied("holder", Command::Kind::create), 1u);
  EXPECT_EQ(times_told("holder", LockEvent::Kind::acquired), 1u);
  EXPECT_EQ(times_told("holder", LockEvent::Kind::lost), 0u);
  expect_nothing_left();
}

TEST_F(LostAnswer, ToASingleTryIsUnclearAndLeavesNothing) {
  disturb("hasty", "PUT", of_create, 1, fake::DropAnswer{});
  spawn("hasty", {1, 2, 3}, [&](Process& process) {
    const auto hold = acquire(process, {.wait = 0s});
    ASSERT_FALSE(hold);
    EXPECT_EQ(hold.error().code, condition::outcome_unknown);
    EXPECT_EQ(elapsed(), 5s);
    process.sleep(1s);
    EXPECT_EQ(stored(lock_key), std::nullopt);
  });
  simulation.run();
  EXPECT_EQ(times_told("hasty", LockEvent::Kind::cleaned), 1u);
  expect_nothing_left();
}

TEST_F(LostAnswer, ToARenewalIsAskedAgainAndLosesNothing) {
  disturb("holder", "PUT", of_renewal, 1, fake::DropAnswer{});
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    const auto hold = acquire(process).value();
    const std::uint64_t token = hold.fencing_token();
    const Duration deadline = deadline_of(hold, process);
    process.sleep(12s);
    EXPECT_EQ(deadline_of(hold, process), deadline) << "what nobody confirmed prolongs nothing";
    process.sleep(8s);
    EXPECT_GT(deadline_of(hold, process), deadline) << "but the next one does";
    EXPECT_EQ(hold.fencing_token(), token);
    process.sleep(1min);
    EXPECT_TRUE(hold.is_held());
  });
  simulation.run();
  ASSERT_EQ(times_told("holder", LockEvent::Kind::renewal_failed), 1u);
  EXPECT_EQ(told("holder", LockEvent::Kind::renewal_failed)[0].error, condition::outcome_unknown);
  EXPECT_EQ(times_told("holder", LockEvent::Kind::lost), 0u);
  expect_nothing_left();
}

TEST_F(LostAnswer, ToAReleaseFreesTheLockAllTheSameAndHarmsNobodyLater) {
  disturb("holder", "DELETE", "", 1, fake::DropAnswer{});
  std::uint64_t token = 0;
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    auto hold = acquire(process).value();
    token = hold.fencing_token();
    process.sleep(1s);
    EXPECT_EQ(hold.release().value(), Release::in_background);
    EXPECT_THAT(elapsed(), IsBetween(6s, 6s + instantly)) << "it blocks for one request_timeout";
    EXPECT_FALSE(hold.is_held());
    EXPECT_FALSE(hold.lost().stop_requested()) << "given back is not lost";
    process.sleep(1min);
  });
  spawn("heir", {1, 2, 3}, [&](Process& process) {
    process.sleep(500ms);
    const auto hold = acquire(process);
    ASSERT_TRUE(hold) << hold.error().describe();
    EXPECT_GT(hold->fencing_token(), token);
    EXPECT_LT(elapsed(), 1s + 2 * instantly) << "the store had done as it was asked";
    process.sleep(1min);
    EXPECT_TRUE(hold->is_held()) << "the release that was repeated in the background was not for this one";
  });
  simulation.run();
  EXPECT_EQ(times_told("holder", LockEvent::Kind::left_to_cleaner), 1u);
  EXPECT_EQ(times_told("holder", LockEvent::Kind::cleaned), 1u);
  EXPECT_EQ(times_told("heir", LockEvent::Kind::lost), 0u);
  expect_nothing_left();
}

TEST_F(LostAnswer, OrRatherALostReleaseIsRepeatedInTheBackground) {
  disturb("holder", "DELETE", "", 1, fake::DropRequest{});
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    auto hold = acquire(process).value();
    process.sleep(1s);
    EXPECT_EQ(hold.release().value(), Release::in_background);
    process.sleep(1min);
  });
  spawn("heir", {1, 2, 3}, [&](Process& process) {
    process.sleep(500ms);
    EXPECT_TRUE(acquire(process));
    EXPECT_THAT(elapsed(), IsBetween(6s, 6s + 2 * instantly));
  });
  simulation.run();
  EXPECT_EQ(times_told("holder", LockEvent::Kind::cleaned), 1u);
  expect_nothing_left();
}

}  // namespace
}  // namespace deimos::testkit

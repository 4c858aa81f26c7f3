// Leases that end without a release: holders that crash, cannot be heard or cannot hear, records that expire at once.
#include "scenario.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using fake::Command;

class LeaseEnd : public HeirTest {
 protected:
  /// Holds the lock until it crashes; notes when its hold would have ended.
  void hold_for_ever(Process& process) {
    const auto hold = acquire(process).value();
    token_ = hold.fencing_token();
    for (;;) {
      EXPECT_TRUE(hold.is_held());
      deadline_ = deadline_of(hold, process);
      process.sleep(100ms);
    }
  }

  Duration deadline_ = {};
};

TEST_F(LeaseEnd, OfAHolderThatCrashedIsWhenTheNextGetsTheLock) {
  spawn("holder", {1, 2, 3}, [&](Process& process) { hold_for_ever(process); });
  spawn_heir({1, 2, 3});
  simulation.at(15s, [&] { simulation.crash("holder"); });
  simulation.run();
  EXPECT_THAT(granted_at_, IsBetween(deadline_, deadline_ + (lease - usable_lease) + 500ms + instantly));
  EXPECT_EQ(times_told("holder", LockEvent::Kind::lost), 0u) << "there was nobody to tell";
  expect_nothing_left();
}

TEST_F(LeaseEnd, OfAHolderThatRestartedIsWaitedForByItsNextLifeToo) {
  int lives = 0;
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    if (++lives == 1) hold_for_ever(process);
    const auto hold = acquire(process);
    ASSERT_TRUE(hold) << hold.error().describe();
    granted_at_ = elapsed();
    EXPECT_GT(hold->fencing_token(), token_);
  });
  simulation.at(15s, [&] { simulation.restart("holder"); });
  simulation.run();
  EXPECT_EQ(lives, 2);
  EXPECT_THAT(granted_at_, IsBetween(deadline_, deadline_ + (lease - usable_lease) + 500ms + instantly))
      << "its old life may still be at work, for all that it knows";
  expect_nothing_left();
}

TEST_F(LeaseEnd, OfAProcessThatCrashedInItsAcquireIsWaitedFor) {
  simulation.network().set_links({.latency_min = 10ms, .latency_max = 10ms});
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    static_cast<void>(acquire(process));
    process.sleep(0s);
    ADD_FAILURE() << "lives on";
  });
  spawn_heir({1, 2, 3});
  simulation.at(5ms, [&] { simulation.crash("holder"); });
  simulation.run();
  EXPECT_EQ(count_applied("holder", Command::Kind::create), 1u) << "it was on its way already";
  EXPECT_THAT(granted_at_, IsBetween(lease, lease + 600ms));
  expect_nothing_left();
}

TEST_F(LeaseEnd, ThatIsNotSweptIsWhenAWaiterTakesOver) {
  simulation.cluster().skip_sweeps(10min);
  spawn("holder", {1, 2, 3}, [&](Process& process) { hold_for_ever(process); });
  spawn_heir({1, 2, 3});
  simulation.at(15s, [&] { simulation.crash("holder"); });
  simulation.run();
  const Duration end = deadline_ + (lease - usable_lease);
  EXPECT_THAT(granted_at_, IsBetween(end + 1s, end + 2s + 2 * instantly)) << "the store says -1 s, or -2 s, by then";
  EXPECT_EQ(count_applied("heir", Command::Kind::create), 0u);
  EXPECT_GE(count_applied("heir", Command::Kind::compare_and_swap), 1u);
  expect_nothing_left();
}

TEST_F(LeaseEnd, ThatIsNotSweptIsNoneWhileItsHolderRenews) {
  simulation.cluster().skip_sweeps(10min);
  Duration released = {};
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    auto hold = acquire(process).value();
    process.sleep(5min);
    released = elapsed();
    EXPECT_EQ(hold.release().value(), Release::freed);
  });
  spawn_heir({1, 2, 3});
  simulation.run();
  EXPECT_THAT(granted_at_, IsBetween(released, released + instantly));
  expect_nothing_left();
}

TEST_F(LeaseEnd, ByForceIsLearntAtTheNextRenewalAndFencedUntilThen) {
  simulation.at(3s, [&] { simulation.cluster().expire(lock_key); });
  int losses = 0;
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    auto hold = acquire(process, {.on_lost = [&](const Error&) { ++losses; }}).value();
    token_ = hold.fencing_token();
    process.sleep(5s);
    EXPECT_FALSE(archive_.take(token_)) << "somebody else has been there";
    process.sleep(5s);
    EXPECT_TRUE(hold.lost().stop_requested());
    EXPECT_EQ(code_of(hold.release()), errc::lock_not_held);
    process.sleep(1min);
  });
  spawn_heir({1, 2, 3});
  simulation.run();
  EXPECT_THAT(granted_at_, IsBetween(3s, 3s + instantly)) << "it was watching";
  EXPECT_EQ(losses, 1);
  ASSERT_EQ(times_told("holder", LockEvent::Kind::lost), 1u);
  EXPECT_EQ(told("holder", LockEvent::Kind::lost)[0].error, errc::lock_not_held);
  EXPECT_THAT(told("holder", LockEvent::Kind::lost)[0].at, IsBetween(usable_lease / 3, usable_lease / 3 + instantly));
  EXPECT_EQ(times_told("heir", LockEvent::Kind::lost), 0u);
  expect_nothing_left();
}

TEST_F(LeaseEnd, OfAHolderThatIsCutOffIsAnnouncedInTimeAndOnce) {
  simulation.at(3s, [&] {
    for (const int node : {1, 2, 3}) simulation.network().cut("holder", node);
  });
  simulation.at(2min, [&] { simulation.network().heal(); });
  int losses = 0;
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    auto hold = acquire(process, {.on_lost = [&](const Error&) { ++losses; }}).value();
    token_ = hold.fencing_token();
    const Duration deadline = deadline_of(hold, process);
    sleep_until_lost(hold, process);
    EXPECT_THAT(elapsed(), IsBetween(deadline, deadline + 1ms)) << "by its own clock: it hears of nothing";
    EXPECT_EQ(granted_at_, Duration::zero()) << "before anybody else";
    process.sleep(3min);
  });
  spawn_heir({1, 2, 3});
  simulation.run();
  EXPECT_THAT(granted_at_, IsBetween(lease, lease + 600ms));
  EXPECT_EQ(losses, 1);
  ASSERT_EQ(times_told("holder", LockEvent::Kind::lost), 1u);
  EXPECT_EQ(told("holder", LockEvent::Kind::lost)[0].error, errc::lock_expired);
  EXPECT_EQ(times_told("heir", LockEvent::Kind::lost), 0u) << "what the holder cleans up later is not the heir's";
  expect_nothing_left();
}

TEST_F(LeaseEnd, OfAHolderThatIsHeardAndHearsNothingIsItsOwnDeadlineAllTheSame) {
  simulation.at(3s, [&] {
    for (const int node : {1, 2, 3}) simulation.network().cut("holder", node, Direction::answers);
  });
  simulation.at(3min, [&] { simulation.network().heal(); });
  Duration lost_at = {};
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    auto hold = acquire(process).value();
    token_ = hold.fencing_token();
    const Duration deadline = deadline_of(hold, process);
    sleep_until_lost(hold, process);
    lost_at = elapsed();
    EXPECT_THAT(lost_at, IsBetween(deadline, deadline + 1ms)) << "though the store took a renewal";
    process.sleep(4min);
  });
  spawn_heir({1, 2, 3});
  simulation.run();
  EXPECT_EQ(count_applied("holder", Command::Kind::compare_and_swap), 1u) << "the next ones did not know of it";
  EXPECT_THAT(granted_at_, IsBetween(lost_at, lost_at + lease + 600ms)) << "the renewal that nobody heard of";
  EXPECT_EQ(times_told("holder", LockEvent::Kind::lost), 1u);
  EXPECT_EQ(times_told("heir", LockEvent::Kind::lost), 0u);
  expect_nothing_left();
}

}  // namespace
}  // namespace deimos::testkit

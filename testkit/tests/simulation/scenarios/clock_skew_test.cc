// Clocks that are wrong, of nodes and of holders: leases that end too soon or too late.
#include "scenario.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using fake::Command;

class ClockSkew : public HeirTest {
 protected:
  /// Acquires, renews no more, and waits until it is told of its loss; lives on for a minute.
  void spawn_silent_holder(const std::vector<int>& nodes, const ClockOptions& clock = {}) {
    spawn("holder", nodes,
          [&](Process& process) {
            auto hold = acquire(process, {.auto_renew = false}).value();
            token_ = hold.fencing_token();
            sleep_until_lost(hold, process);
            lost_at_ = elapsed();
            EXPECT_FALSE(hold.is_held());
            archive_takes_late_ = archive_.take(hold.fencing_token());
            process.sleep(1min);
          },
          {.clock = clock});
  }

  Duration lost_at_ = {};
  bool archive_takes_late_ = true;
};

TEST_F(ClockSkew, WithinWhatIsAllowedForEndsNoLeaseBeforeItsHolderKnows) {
  simulation.cluster().skew_clock(1, 450ms);  // The leader's: it sweeps that much sooner.
  spawn_silent_holder({2});
  spawn_heir({3});
  simulation.run();
  EXPECT_THAT(lost_at_, IsBetween(usable_lease, usable_lease + instantly));
  EXPECT_THAT(granted_at_, IsBetween(lease - 450ms, lease + 500ms)) << "at the sweep";
  EXPECT_GT(granted_at_, lost_at_);
  expect_nothing_left();
}

TEST_F(ClockSkew, BeyondThatCutsALeaseShortAndOnlyFencingTokensKeepOrder) {
  simulation.at(1s, [&] { simulation.cluster().step_clock(1, 25s); });
  simulation.at(7s, [&] { simulation.cluster().reset_clock(1); });
  int losses = 0;
  std::error_code why;
  spawn("holder", {2}, [&](Process& process) {
    auto hold = acquire(process, {.on_lost =
                                      [&](const Error& error) {
                                        ++losses;
                                        why = error.code;
                                      }})
                    .value();
    token_ = hold.fencing_token();
    process.sleep(7s);
    EXPECT_TRUE(hold.is_held()) << "it cannot know yet";
    EXPECT_FALSE(archive_.take(hold.fencing_token())) << "but what the lock protects does";
    process.sleep(3s);
    EXPECT_FALSE(hold.is_held());
    EXPECT_TRUE(hold.lost().stop_requested()) << "its first renewal, after 9.7 s, found out";
    EXPECT_EQ(code_of(hold.release()), errc::lock_not_held);
    process.sleep(1min);
  });
  spawn_heir({3});
  simulation.run();
  EXPECT_THAT(granted_at_, IsBetween(5s, 6s)) << "a sweep by the leader's clock";
  EXPECT_EQ(losses, 1);
  EXPECT_EQ(why, errc::lock_not_held);
  EXPECT_EQ(times_told("holder", LockEvent::Kind::lost), 1u);
  EXPECT_EQ(times_told("heir", LockEvent::Kind::lost), 0u);
  expect_nothing_left();
}

TEST_F(ClockSkew, OfALeaderThatIsBehindProlongsALeaseUntilAWaiterTakesItOver) {
  simulation.cluster().skew_clock(1, -1h);
  spawn_silent_holder({2});
  spawn_heir({3});
  simulation.at(10s, [&] { simulation.crash("holder"); });
  simulation.run();
  EXPECT_THAT(granted_at_, IsBetween(lease + 1s, lease + 2s + 2 * instantly))
      << "the store says -1 s, or -2 s, by then";
  EXPECT_EQ(count_applied("heir", Command::Kind::create), 0u);
  const auto is_take_over = [](const auto& change) {
    return !change.error && change.previous_index != 0 && change.previous_value.empty();
  };
  EXPECT_EQ(count_changes(is_take_over), 1u) << "it replaced the very record that it had seen";
  EXPECT_FALSE(archive_.take(token_));
  expect_nothing_left();
}

TEST_F(ClockSkew, OfTheNodeThatTookItProlongsALeaseThatNobodyTakesOverEarly) {
  simulation.cluster().skew_clock(2, 1h);
  spawn_silent_holder({2});
  spawn_heir({3});
  simulation.run();
  EXPECT_THAT(lost_at_, IsBetween(usable_lease, usable_lease + instantly)) << "whatever the store thinks";
  EXPECT_THAT(granted_at_, IsBetween(lease, lease + 2 * instantly)) << "its holder, who is alive, cleans up";
  expect_nothing_left();
}

TEST_F(ClockSkew, OfTheNodeThatTookItKeepsADeadHoldersLockUntilSomebodyForcesIt) {
  simulation.cluster().skew_clock(2, 1h);
  spawn_silent_holder({2});
  spawn_heir({3});
  simulation.at(10s, [&] { simulation.crash("holder"); });
  spawn("operator", {1}, [&](Process& process) {
    process.sleep(5min);
    EXPECT_EQ(granted_at_, Duration::zero()) << "for all that anybody knows it may be held";
    const auto info = process.locks().info("reports").value();
    ASSERT_TRUE(info);
    EXPECT_EQ(info->owner, "holder");
    EXPECT_GT(info->ttl, 50min);
    EXPECT_TRUE(process.locks().force_unlock("reports").value());
  });
  simulation.run();
  EXPECT_THAT(granted_at_, IsBetween(5min, 5min + 2 * instantly));
  expect_nothing_left();
}

TEST_F(ClockSkew, OfAHolderWithinWhatIsAllowedForLetsItKnowInTime) {
  spawn_silent_holder({2}, {.rate = 0.99});
  spawn_heir({3});
  simulation.run();
  EXPECT_GT(lost_at_, usable_lease);
  EXPECT_LT(lost_at_, lease);
  EXPECT_GE(granted_at_, lease);
  expect_nothing_left();
}

TEST_F(ClockSkew, OfAHolderBeyondThatLeavesFencingTokensToKeepOrder) {
  spawn_silent_holder({2}, {.rate = 0.5});
  spawn_heir({3});
  simulation.run();
  EXPECT_THAT(granted_at_, IsBetween(lease, lease + 1s));
  EXPECT_THAT(lost_at_, IsBetween(2 * usable_lease, 2 * usable_lease + 1s)) << "twice as long, in true time";
  EXPECT_FALSE(archive_takes_late_);
  EXPECT_EQ(times_told("holder", LockEvent::Kind::lost), 1u);
  EXPECT_EQ(times_told("heir", LockEvent::Kind::lost), 0u);
  expect_nothing_left();
}

}  // namespace
}  // namespace deimos::testkit

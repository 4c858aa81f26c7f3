// A renewal that nobody heard of is applied long after it was sent. When a lease ends is reckoned by the node that
// takes the renewal up, so it would bring back the end that was due then.
#include "scenario.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

class LateRenewal : public ScenarioTest {
 protected:
  /// One is taken up by node 2 at 10 s, which has heard no leader for long and keeps it until it does, at 15 s. (It
  /// comes there twice, so that one is kept though its client goes away.)
  void keep_one() {
    disturb("holder", "PUT", of_renewal, 1, fake::Duplicate{});
    simulation.at(1s, [&] { simulation.cluster().isolate(2); });
    simulation.at(15s, [&] { simulation.cluster().rejoin(2); });
    simulation.at(9s, [&] { refuse_at({1, 3}); });
    simulation.at(13s, [&] { refuse_at({2}); });
  }
  /// So that clients find their way to the others.
  void refuse_at(const std::vector<int>& nodes) {
    simulation.network().heal();
    for (const int node : nodes) simulation.network().refuse(node);
  }
  static ProcessOptions renewed_by_hand() { return {.locks = {.request_timeout = 2s}}; }
  /// To be called at the start; returns when the one that is kept has been given up.
  Hold hold_with_one_kept(Process& process) {
    Hold hold = acquire(process, {.auto_renew = false}).value();
    process.sleep(10s - elapsed());
    EXPECT_EQ(code_of(hold.renew()), errc::outcome_unknown);
    return hold;
  }
  [[nodiscard]] std::size_t refused_renewals() const {
    return count_changes([](const auto& change) {
      return change.kind == fake::Command::Kind::compare_and_swap && change.error == errc::compare_failed;
    });
  }
};

TEST_F(LateRenewal, DoesNotShortenTheLeaseThatALaterOneBegan) {
  keep_one();
  spawn(
      "holder", {1, 2, 3},
      [&](Process& process) {
        const Hold hold = hold_with_one_kept(process);
        process.sleep(14s - elapsed());
        ASSERT_TRUE(hold.renew());
        EXPECT_THAT(deadline_of(hold, process), IsBetween(14s + usable_lease, 14s + usable_lease + instantly));
        sleep_until_lost(hold, process);
        EXPECT_THAT(elapsed(), IsBetween(14s + usable_lease, 14s + usable_lease + instantly));
      },
      renewed_by_hand());
  spawn("waiter", {3}, [&](Process& process) {
    process.sleep(5s);
    const auto hold = acquire(process, {.wait = 5min}).value();
    EXPECT_THAT(elapsed(), IsBetween(14s + usable_lease, 14s + lease + 1s)) << "not before the holder stops";
  });
  simulation.run();
  EXPECT_EQ(refused_renewals(), 1u) << "the late one came after all";
  expect_nothing_left();
}

TEST_F(LateRenewal, ThatComesBeforeTheNextIsReadBackAndTheLockStaysHeld) {
  keep_one();
  spawn(
      "holder", {1, 2, 3},
      [&](Process& process) {
        const Hold hold = hold_with_one_kept(process);
        const std::uint64_t token = hold.fencing_token();
        process.sleep(20s - elapsed());
        ASSERT_TRUE(hold.renew());
        EXPECT_THAT(deadline_of(hold, process), IsBetween(20s + usable_lease, 20s + usable_lease + instantly));
        EXPECT_EQ(hold.fencing_token(), token);
      },
      renewed_by_hand());
  simulation.run();
  EXPECT_EQ(refused_renewals(), 1u) << "the next one, which did not know of it";
  EXPECT_EQ(times_told("holder", LockEvent::Kind::lost), 0u);
  expect_nothing_left();
}

TEST_F(LateRenewal, OfALockThatSomebodyDeletedIsALoss) {
  keep_one();
  spawn(
      "holder", {1, 2, 3},
      [&](Process& process) {
        const Hold hold = hold_with_one_kept(process);
        process.sleep(20s - elapsed());
        EXPECT_EQ(code_of(hold.renew()), errc::lock_not_held);
        EXPECT_FALSE(hold.is_held());
      },
      renewed_by_hand());
  simulation.at(18s, [&] { EXPECT_TRUE(simulation.observer().client().remove(lock_key)); });
  simulation.run();
  EXPECT_EQ(times_told("holder", LockEvent::Kind::lost), 1u);
  expect_nothing_left();
}

}  // namespace
}  // namespace deimos::testkit

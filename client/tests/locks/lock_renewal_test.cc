// What a renewal does to a lease, and what the end of a lease does to others: laws 1, 2, 5 and 7; hazards D and K.
#include "locks/lock_world.h"

namespace deimos::lock_test {
namespace {

class LockRenewing : public TwoMembers {
 protected:
  [[nodiscard]] TimePoint now() const { return world.runtime->now(); }
  /// An acquisition that only the test renews.
  Result<Hold> unrenewed(std::function<void(const Error&)> on_lost = nullptr) {
    AcquireOptions options;
    options.auto_renew = false;
    options.on_lost = std::move(on_lost);
    return mutex.acquire(options);
  }
};

TEST_F(LockRenewing, TheDeadlineCountsFromTheSendOfTheRenewal) {  // law 1
  auto hold = unrenewed();
  ASSERT_THAT(hold, Succeeds());
  world.sleep(1s);
  ours.faults->next(Step::renew, delay_answer(3s));
  const TimePoint sent = now();
  ASSERT_THAT(hold->renew(), Succeeds());
  EXPECT_EQ(now() - sent, 3s);
  EXPECT_EQ(hold->expires_at(), sent + usable);
}

TEST_F(LockRenewing, AnAnswerThatComesAfterTheDeadlineRevivesNothing) {  // law 2
  auto hold = unrenewed();
  ASSERT_THAT(hold, Succeeds());
  const TimePoint deadline = hold->expires_at();
  world.sleep(9s);
  ours.faults->next(Step::renew, answer_overdue(1s));
  EXPECT_THAT(hold->renew(), FailsWith(errc::lock_expired));
  EXPECT_GT(now(), deadline);
  EXPECT_FALSE(hold->is_held());
  EXPECT_EQ(hold->expires_at(), deadline);
}

TEST_F(LockRenewing, AnAnswerThatWasOvertakenMovesTheDeadlineNotBack) {
  auto hold = unrenewed();
  ASSERT_THAT(hold, Succeeds());
  ours.faults->next(Step::renew, delay_answer(3s));
  const auto slow = world.spawn("slow", [&] { (void)hold->renew(); });
  world.sleep(1s);
  const TimePoint sent = now();
  ASSERT_THAT(hold->renew(), Succeeds());
  EXPECT_EQ(hold->expires_at(), sent + usable);
  world.sleep(4s);
  EXPECT_EQ(hold->expires_at(), sent + usable);
}

TEST_F(LockRenewing, AnEarlierRenewalThatWasAppliedCountsFromItsOwnSend) {  // K: unclear renewals
  auto hold = unrenewed();
  ASSERT_THAT(hold, Succeeds());
  world.sleep(1s);
  ours.faults->next(Step::renew, confuse(errc::outcome_unknown));
  const TimePoint applied = now();
  EXPECT_FALSE(hold->renew());
  world.sleep(2s);
  ours.faults->next(Step::renew, Fault{});   // Refused: the record is newer, and ours.
  ours.faults->next(Step::renew, refuse());  // The one that follows is not.
  EXPECT_FALSE(hold->renew());
  EXPECT_EQ(hold->expires_at(), applied + usable);
}

TEST_F(LockRenewing, PausesBetweenAttemptsAreShortAgainAfterASuccess) {
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  for (int failure = 0; failure < 4; ++failure) ours.faults->next(Step::renew, refuse());
  while (ours.faults->count(Step::renew) < 5) world.sleep(1ms);
  ASSERT_TRUE(hold->is_held());
  ours.faults->next(Step::renew, refuse());
  while (ours.faults->count(Step::renew) < 6) world.sleep(1ms);
  world.sleep(usable / 40 + 2ms);  // The longest first pause; the third is at least twice as long.
  EXPECT_EQ(ours.faults->count(Step::renew), 7);
}

TEST_F(LockRenewing, ARenewalByHandPutsOffTheNextInTheBackground) {
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  const TimePoint begin = now();
  while (ours.faults->count(Step::renew) < 1) world.sleep(1ms);
  const Duration interval = world.since(begin);
  world.sleep(interval / 2);
  ASSERT_THAT(hold->renew(), Succeeds());
  const int by_now = ours.faults->count(Step::renew);
  world.sleep(interval - 10ms);
  EXPECT_EQ(ours.faults->count(Step::renew), by_now);
  world.sleep(20ms);
  EXPECT_EQ(ours.faults->count(Step::renew), by_now + 1);
}

TEST_F(LockRenewing, ALossThatTwoFindIsToldOnce) {  // law 5
  int told = 0;
  auto hold = unrenewed([&](const Error&) { ++told; });
  ASSERT_THAT(hold, Succeeds());
  ASSERT_TRUE(world.client().remove("/locks/a"));
  world.sleep(9s);
  ours.faults->next(Step::renew, answer_overdue(2s));  // Until then, the watchdog has seen the lease end.
  EXPECT_FALSE(hold->renew());
  world.sleep(1s);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(ours.seen(LockEvent::Kind::lost), 1);
}

TEST_F(LockRenewing, AWaiterOfTheSameProcessIsWokenByTheEndOfALease) {
  auto hold = unrenewed();
  ASSERT_THAT(hold, Succeeds());
  const TimePoint begin = now();
  TimePoint granted;
  const auto waiter = world.spawn("waiter", [&] {
    auto mine = mutex.acquire(within(10min));
    if (mine) granted = now();
  });
  world.sleep(20s);
  ASSERT_NE(granted, TimePoint()) << "not woken";
  EXPECT_GE(granted - begin, 10s) << "before the store's lease was over";
}

TEST_F(LockRenewing, ALeaseThatEndedStaysWithTheStoreUntilItIsOverThereToo) {
  auto hold = unrenewed();
  ASSERT_THAT(hold, Succeeds());
  world.sleep(usable + 100ms);
  EXPECT_FALSE(hold->is_held());
  EXPECT_THAT(rival.acquire(once()), FailsWith(errc::lock_already_held)) << "its holder has until then to stop";
  world.sleep(2s);
  EXPECT_THAT(rival.acquire(once()), Succeeds());
}

TEST_F(LockRenewing, ClosingWaitsForCallsUnderWay) {
  auto hold = unrenewed();
  ASSERT_THAT(hold, Succeeds());
  ours.faults->next(Step::renew, answer_overdue(300ms));
  bool returned = false;
  const auto call = world.spawn("call", [&] {
    (void)hold->renew();
    returned = true;
  });
  world.sleep(1ms);
  ours.locks->close();
  EXPECT_TRUE(returned);
}

}  // namespace
}  // namespace deimos::lock_test

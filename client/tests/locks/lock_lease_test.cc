// How long a lock is held, how it is renewed, and how its loss is told: laws 1, 2, 5, 7, 9 and 11; hazards D and E.
#include <algorithm>

#include "locks/lock_world.h"

namespace deimos::lock_test {
namespace {

class LockLease : public TwoMembers {
 protected:
  [[nodiscard]] TimePoint now() const { return world.runtime->now(); }
};

/// When a hold was lost, and how often that was told.
struct Losses {
  explicit Losses(Runtime& its_runtime) : runtime(its_runtime) {}
  AcquireOptions options() {
    AcquireOptions wanted;
    wanted.on_lost = [this](const Error& why) {
      ++told;
      at = runtime.now();
      code = why.code;
    };
    return wanted;
  }
  Runtime& runtime;
  int told = 0;
  TimePoint at;
  std::error_code code;
};

TEST_F(LockLease, TheDeadlineCountsFromTheSendOfTheCreate) {  // law 1, D3
  ours.faults->next(Step::acquire, delay_answer(4s));
  const TimePoint sent = now();
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  EXPECT_EQ(now() - sent, 4s);
  EXPECT_EQ(hold->expires_at(), sent + usable);
}

TEST_F(LockLease, TheDeadlineCountsFromTheAttemptThatWasGranted) {  // D4
  auto hold = rival.acquire();
  ASSERT_THAT(hold, Succeeds());
  const auto task = world.spawn("release", [&] {
    world.sleep(25s);
    ASSERT_THAT(hold->release(), Succeeds());
  });
  auto mine = mutex.acquire();
  ASSERT_THAT(mine, Succeeds());
  EXPECT_EQ(mine->expires_at(), now() + usable);
}

TEST_F(LockLease, AGrantThatArrivesAfterItsDeadlineIsNoGrantUntilItIsConfirmed) {  // B9, D2
  Member& slow = world.add({.ttl = 3s, .request_timeout = 20s});
  slow.faults->next(Step::acquire, delay_answer(7s));
  auto hold = slow.locks->mutex("b").acquire(within(1min));
  ASSERT_THAT(hold, Succeeds());
  EXPECT_GT(hold->expires_at(), now() + 2s);
  EXPECT_TRUE(hold->is_held());
  EXPECT_NE(world.value_of("/locks/b"), "");
}

TEST_F(LockLease, AGrantThatArrivesAfterAnotherWasGrantedIsNoGrant) {  // B9, D2
  Member& slow = world.add({.ttl = 3s, .request_timeout = 20s});
  slow.faults->next(Step::acquire, delay_answer(10s));
  bool granted = false;
  const auto task = world.spawn("slow", [&] {
    EXPECT_THAT(slow.locks->mutex("a").acquire(within(15s)), FailsWith(errc::lock_timeout));
    granted = true;
  });
  world.sleep(5s);
  auto hold = mutex.acquire(once());
  ASSERT_THAT(hold, Succeeds());
  world.sleep(20s);
  EXPECT_TRUE(granted);
  EXPECT_TRUE(hold->is_held());
}

TEST_F(LockLease, AHolderThatHearsNothingIsToldAtItsDeadlineAndNotLater) {  // law 1, E2, E3, D10
  Losses losses(*world.runtime);
  auto hold = mutex.acquire(losses.options());
  ASSERT_THAT(hold, Succeeds());
  const TimePoint deadline = hold->expires_at();
  ours.faults->black_hole();
  world.sleep(usable - 1ms);
  EXPECT_TRUE(hold->is_held());
  EXPECT_FALSE(hold->lost().stop_requested());
  world.sleep(1ms);
  EXPECT_FALSE(hold->is_held());
  EXPECT_TRUE(hold->lost().stop_requested());
  world.sleep(1min);
  EXPECT_EQ(losses.told, 1);  // E16
  EXPECT_EQ(losses.at, deadline);
  EXPECT_EQ(losses.code, errc::lock_expired);
  EXPECT_THAT(hold->release(), FailsWith(errc::lock_expired));
}

TEST_F(LockLease, NobodyElseIsGrantedTheLockBeforeItsHolderWasTold) {  // law 1, D1
  Losses losses(*world.runtime);
  auto hold = mutex.acquire(losses.options());
  ASSERT_THAT(hold, Succeeds());
  ours.faults->black_hole();
  auto next = rival.acquire(within(1min));
  ASSERT_THAT(next, Succeeds());
  EXPECT_EQ(losses.told, 1);
  EXPECT_LT(losses.at, now());
  EXPECT_GT(next->fencing_token(), hold->fencing_token());
}

TEST_F(LockLease, ALockIsHeldForMuchLongerThanItsLease) {  // E9, E10, D13, D14
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  const std::uint64_t token = hold->fencing_token();
  world.sleep(10min);
  EXPECT_TRUE(hold->is_held());
  EXPECT_EQ(hold->fencing_token(), token);
  EXPECT_FALSE(rival.try_lock());
  const auto info = mutex.info();
  ASSERT_THAT(info, Succeeds());
  EXPECT_TRUE((*info)->held_here);
  EXPECT_LE((*info)->ttl, 10s);  // D13: it still has a lease.
  EXPECT_NEAR(ours.faults->count(Step::renew), 600 / 3.13, 10);
}

TEST_F(LockLease, FailedRenewalsAreTriedAgainUntilTheDeadline) {  // E1, E4, E14
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  ours.faults->next(Step::renew, refuse());
  ours.faults->next(Step::renew, lose_answer());
  ours.faults->next(Step::renew, confuse(errc::raft_internal_error));
  world.sleep(1min);
  EXPECT_TRUE(hold->is_held());
  EXPECT_EQ(ours.seen(LockEvent::Kind::renewal_failed), 3);
}

TEST_F(LockLease, TwoMoreAttemptsFitAfterARenewalThatHangs) {  // E5
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  ours.faults->next(Step::renew, lose_request());
  ours.faults->next(Step::renew, lose_request());
  world.sleep(1min);
  EXPECT_TRUE(hold->is_held());
}

TEST_F(LockLease, OneRenewalThatHangsDoesNotCostTheOtherLocks) {  // law 7, E5
  std::vector<Hold> holds;
  for (int i = 0; i < 100; ++i) {
    auto hold = ours.locks->mutex("lock" + std::to_string(i)).acquire();
    ASSERT_THAT(hold, Succeeds());
    holds.push_back(std::move(*hold));
  }
  for (int i = 0; i < 10; ++i) ours.faults->next(Step::renew, lose_request());
  world.sleep(1min);
  EXPECT_TRUE(std::all_of(holds.begin(), holds.end(), [](const Hold& hold) { return hold.is_held(); }));
}

TEST_F(LockLease, AHangingRenewalOfOneLockDelaysNoOthersLossNotice) {
  Losses losses(*world.runtime);
  auto first = mutex.acquire();
  world.sleep(1s);
  AcquireOptions wanted = losses.options();
  wanted.auto_renew = false;
  wanted.ttl = 5s;
  auto second = ours.locks->mutex("b").acquire(wanted);
  ASSERT_THAT(second, Succeeds());
  const TimePoint deadline = second->expires_at();
  ours.faults->always(Step::renew, lose_request());
  world.sleep(20s);
  EXPECT_EQ(losses.at, deadline);
}

TEST_F(LockLease, ARenewalThatFindsTheLockTakenTellsAtOnce) {  // E13, E16, E18
  Losses losses(*world.runtime);
  auto hold = mutex.acquire(losses.options());
  ASSERT_THAT(hold, Succeeds());
  ASSERT_THAT(theirs.locks->force_unlock("a"), Succeeds());
  world.sleep(usable / 3 + 1ms);
  EXPECT_EQ(losses.told, 1);
  EXPECT_EQ(losses.code, errc::lock_not_held);
  world.sleep(1min);
  EXPECT_EQ(losses.told, 1);
  EXPECT_EQ(ours.faults->count(Step::renew), 1);
}

TEST_F(LockLease, ForceUnlockByTheSameManagerTellsTheHolderAtOnce) {  // E18
  Losses losses(*world.runtime);
  auto hold = mutex.acquire(losses.options());
  ASSERT_THAT(hold, Succeeds());
  const auto forced = ours.locks->force_unlock("a");
  ASSERT_THAT(forced, Succeeds());
  EXPECT_TRUE(*forced);
  EXPECT_FALSE(hold->is_held());
  world.sleep(1ms);
  EXPECT_EQ(losses.told, 1);
  EXPECT_EQ(*ours.locks->force_unlock("a"), false);
}

TEST_F(LockLease, UnlockDuringARenewalNeitherRevivesTheRecordNorCountsAsALoss) {  // E7, E15
  Losses losses(*world.runtime);
  auto hold = mutex.acquire(losses.options());
  ASSERT_THAT(hold, Succeeds());
  ours.faults->next(Step::renew, arrive_late(500ms));
  ours.faults->before(Step::renew, [&] {
    EXPECT_THAT(hold->release(), Succeeds());  // Between the choice of the lock and its renewal.
  });
  world.sleep(1min);
  EXPECT_EQ(losses.told, 0);
  EXPECT_EQ(world.value_of("/locks/a"), "");
  EXPECT_EQ(ours.faults->count(Step::renew), 1);
}

TEST_F(LockLease, AReleasedLockIsNotRenewed) {  // E7, E17
  ASSERT_THAT(mutex.acquire()->release(), Succeeds());
  world.sleep(1min);
  EXPECT_EQ(ours.faults->total(), 2);
}

TEST_F(LockLease, AReacquiredLockIsRenewed) {  // E11
  auto first = mutex.acquire();
  ASSERT_THAT(ours.locks->force_unlock("a"), Succeeds());
  auto second = mutex.acquire();
  ASSERT_THAT(second, Succeeds());
  world.sleep(1min);
  EXPECT_TRUE(second->is_held());
  EXPECT_FALSE(first->is_held());
}

TEST_F(LockLease, AHolderThatHangsIsCutOffAfterTheLongestHoldAllowed) {  // E8
  Losses losses(*world.runtime);
  AcquireOptions wanted = losses.options();
  wanted.max_hold = 1min;
  auto hold = mutex.acquire(wanted);
  ASSERT_THAT(hold, Succeeds());
  const TimePoint start = now();
  EXPECT_TRUE(rival.try_lock_for(10min));
  EXPECT_EQ(losses.at - start, 1min);
  EXPECT_LT(now() - start, 71s);
}

TEST_F(LockLease, RenewalCanBePausedAndResumedAndDoneByHand) {
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  hold->pause_renewal();
  world.sleep(8s);
  EXPECT_EQ(ours.faults->count(Step::renew), 0);
  ASSERT_THAT(hold->renew(), Succeeds());
  EXPECT_EQ(hold->expires_at(), now() + usable);
  world.sleep(8s);
  hold->resume_renewal();
  world.sleep(1min);
  EXPECT_TRUE(hold->is_held());
  hold->pause_renewal();
  world.sleep(usable);
  EXPECT_FALSE(hold->is_held());
  EXPECT_THAT(hold->renew(), FailsWith(errc::lock_expired));
}

TEST_F(LockLease, FractionsOfASecondAreDroppedHereAndRoundedUpThere) {  // law 9, D7, D8
  AcquireOptions wanted;
  wanted.ttl = 2900ms;
  auto hold = mutex.acquire(wanted);
  ASSERT_THAT(hold, Succeeds());
  EXPECT_LT(hold->expires_at(), now() + 2s);
  EXPECT_EQ((*mutex.info())->ttl, 3s);
  wanted.ttl = 900ms;
  EXPECT_THAT(rival.acquire(wanted), FailsWith(errc::invalid_argument));
  wanted.ttl = 0s;
  EXPECT_THAT(rival.acquire(wanted), FailsWith(errc::invalid_argument));
  wanted.ttl = Duration::max();  // D9
  EXPECT_THAT(rival.acquire(wanted), FailsWith(errc::invalid_argument));
  EXPECT_EQ(theirs.faults->total(), 0);
}

TEST_F(LockLease, ASecondIsEnoughForALease) {
  Member& quick = world.add({.ttl = 1s});
  auto hold = quick.locks->mutex("b").acquire();
  ASSERT_THAT(hold, Succeeds());
  world.sleep(1min);
  EXPECT_TRUE(hold->is_held());
}

TEST_F(LockLease, OptionsThatCannotWorkAreRefusedBeforeAnythingIsSent) {
  const auto refuses = [&](LockOptions options, const std::string& why) {
    Member& member = world.add(std::move(options));
    const auto hold = member.locks->mutex("x").acquire(once());
    EXPECT_THAT(hold, FailsWith(errc::invalid_argument));
    EXPECT_THAT(hold ? "" : hold.error().message, ::testing::HasSubstr(why));
    EXPECT_EQ(member.faults->total(), 0);
  };
  refuses({.ttl = 500ms}, "ttl");
  refuses({.ttl = 2s, .max_clock_skew = 1900ms}, "margin");
  refuses({.ttl = 10s, .renewal_interval = 5s}, "renewal_interval");
  refuses({.max_clock_rate_error = 0.9}, "max_clock_rate_error");
  refuses({.max_clock_skew = -1s}, "max_clock_skew");
  refuses({.request_timeout = 0s}, "request_timeout");
  refuses({.poll_interval = 0s}, "poll_interval");
  refuses({.prefix = "locks"}, "prefix");
  refuses({.prefix = "/a//b"}, "prefix");
  refuses({.owner = "a\nb"}, "owner");
}

TEST(LockLeaseUnswept, ALeaseThatIsOverButNotSweptIsTakenOver) {  // law 11, D11
  World world({.sweep_interval = 10min});
  Member& dead = world.add();
  Member& alive = world.add();
  auto hold = dead.locks->mutex("a").acquire();
  ASSERT_THAT(hold, Succeeds());
  const TimePoint start = world.runtime->now();
  dead.faults->black_hole();
  auto next = alive.locks->mutex("a").acquire();
  ASSERT_THAT(next, Succeeds());
  EXPECT_GE(world.since(start), 10s + 500ms);
  EXPECT_LE(world.since(start), 12s);
  EXPECT_EQ(alive.faults->count(Step::take_over), 1);
  EXPECT_GT(next->fencing_token(), hold->fencing_token());
  world.sleep(2min);
  EXPECT_TRUE(next->is_held());
  dead.faults->heal();
  world.sleep(2min);
  EXPECT_TRUE(next->is_held());  // Its cleaner has found out too.
  EXPECT_THAT(next->release(), Succeeds());
}

TEST(LockLeaseUnswept, IsTakenOverAtItsEndAndWholeSecondsOfTheSkewAndOneMore) {  // law 11
  const auto taken_over_after = [](Duration skew) {
    World world({.sweep_interval = 10min});
    Member& member = world.add({.ttl = 10s, .max_clock_skew = skew});
    EXPECT_TRUE(world.client().create("/locks/a", "dead-client", {.ttl = 2s}));
    const TimePoint start = world.runtime->now();
    EXPECT_THAT(member.locks->mutex("a").acquire(), Succeeds());
    return world.since(start);
  };
  EXPECT_EQ(taken_over_after(500ms), 3s);
  EXPECT_EQ(taken_over_after(999ms), 3s);
  EXPECT_EQ(taken_over_after(1s), 4s);
  EXPECT_EQ(taken_over_after(2500ms), 5s);
}

TEST(LockLeaseUnswept, ARenewalThatComesBetweenTheReadingAndTheTakeOverWins) {  // law 11
  World world({.sweep_interval = 10min});
  Member& holder = world.add();
  Member& other = world.add();
  Client client = world.client();
  ASSERT_TRUE(client.create("/locks/a", "slow-client", {.ttl = 5s}));
  other.faults->before(Step::take_over, [&] {
    ASSERT_TRUE(client.compare_and_swap("/locks/a", "slow-client", {.value = "slow-client"}, {.ttl = 5s}));
  });
  EXPECT_THAT(other.locks->mutex("a").acquire(within(10s)), FailsWith(errc::lock_timeout));
  EXPECT_EQ(world.value_of("/locks/a"), "slow-client");
  EXPECT_FALSE(holder.locks->mutex("a").try_lock());
}

TEST(LockLeaseUnswept, OfTwoThatTakeOverOneWins) {
  World world({.sweep_interval = 10min});
  ASSERT_TRUE(world.client().create("/locks/a", "dead-client", {.ttl = 2s}));
  std::vector<std::uint64_t> tokens;
  int holders = 0;
  std::vector<std::unique_ptr<Task>> tasks;
  for (int i = 0; i < 5; ++i) {
    Member& member = world.add();
    tasks.push_back(world.spawn("waiter", [&] {
      auto hold = member.locks->mutex("a").acquire();
      ASSERT_THAT(hold, Succeeds());
      EXPECT_EQ(++holders, 1);
      tokens.push_back(hold->fencing_token());
      world.sleep(1s);
      --holders;
    }));
  }
  world.sleep(1min);
  EXPECT_EQ(tokens.size(), 5U);
  EXPECT_TRUE(std::is_sorted(tokens.begin(), tokens.end()));
}

TEST(LockLeaseUnswept, AnExpiredRecordDoesNotCountAsLocked) {
  World world({.sweep_interval = 10min});
  Member& member = world.add();
  ASSERT_TRUE(world.client().create("/locks/a", "dead-client", {.ttl = 2s}));
  EXPECT_EQ(*member.locks->is_locked("a"), true);
  world.sleep(4s);
  EXPECT_EQ(*member.locks->is_locked("a"), false);
  EXPECT_EQ(*member.locks->is_locked("b"), false);
}

TEST_F(LockLease, ARefusalThatProvesAnEarlierRenewalMovesTheDeadline) {  // a renewal whose answer was lost
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  const TimePoint begin = now();
  ours.faults->next(Step::renew, lose_answer());
  // Nothing more of ours gets through but the refusal and the look.
  ours.faults->next(Step::renew, Fault{});
  ours.faults->next(Step::renew, lose_request());
  ours.faults->always(Step::renew, lose_request());
  world.sleep(usable - 1ms);
  EXPECT_TRUE(hold->is_held());
  EXPECT_GT(hold->expires_at(), begin + usable) << "the lost answer was that of a renewal that was applied";
}

}  // namespace
}  // namespace deimos::lock_test

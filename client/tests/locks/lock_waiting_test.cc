// How a lock is waited for: law 4; hazards C.
#include "locks/lock_world.h"

namespace deimos::lock_test {
namespace {

class LockWaiting : public ::testing::Test {
 protected:
  World world;
  Member& holder = world.add();
  Member& waiter = world.add();
  Mutex held = holder.locks->mutex("a");
  Mutex wanted = waiter.locks->mutex("a");
  Result<Hold> hold = held.acquire();
  TimePoint granted_at;
  std::unique_ptr<Task> task;

  /// A task of `waiter` asks for the lock now.
  void begin_to_wait(AcquireOptions options = {}) {
    task = world.runtime->spawn("waiter", [this, options](const std::stop_token& stop) {
      auto mine = wanted.acquire(options, stop);
      if (!mine) return;
      granted_at = world.runtime->now();
      world.runtime->sleep_for(1h, stop);
    });
    world.sleep(1ms);
  }
  [[nodiscard]] bool granted() const { return granted_at != TimePoint(); }
  void release() { ASSERT_THAT(hold->release(), Succeeds()); }
  /// So many events that the store forgets the older ones.
  void bury_history() {
    Client client = world.client();
    for (int i = 0; i < 1100; ++i) ASSERT_TRUE(client.set("/noise", "x"));
  }
};

TEST_F(LockWaiting, AWaiterIsGrantedTheLockAtTheReleaseAndAsksLittle) {  // C18
  begin_to_wait();
  const int before = waiter.faults->total();
  EXPECT_EQ(before, 3);  // A try, a look, a watch.
  release();
  world.sleep(1ms);
  EXPECT_TRUE(granted());
  EXPECT_EQ(waiter.faults->total(), before + 1);
}

TEST_F(LockWaiting, WhoNeverAnswersAsAStoreEndsTheWaitWithTheReason) {
  for (const Step step : {Step::inspect, Step::wait}) {
    waiter.faults->always(step, refuse(errc::protocol_error));
    EXPECT_THAT(wanted.acquire(within(10min)), FailsWith(errc::protocol_error)) << static_cast<int>(step);
    waiter.faults->heal();
  }
  release();
  waiter.faults->always(Step::acquire, refuse(errc::protocol_error));
  EXPECT_THAT(wanted.acquire(within(10min)), FailsWith(errc::protocol_error)) << "it may read, but not write";
}

TEST_F(LockWaiting, AFewStrangeReadsAreForgottenAtTheNextGoodOne) {
  for (int i = 0; i < 4; ++i) waiter.faults->next(Step::inspect, refuse(errc::protocol_error));
  begin_to_wait();
  Client other = world.client();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i) waiter.faults->next(Step::wait, refuse(errc::protocol_error));
    ASSERT_TRUE(other.set("/locks/a", "theirs", {.ttl = 1min}));  // A change that ends the poll.
    world.sleep(10s);
  }
  ASSERT_TRUE(other.remove("/locks/a"));
  world.sleep(10s);
  EXPECT_TRUE(granted());
}

TEST_F(LockWaiting, AFewStrangeWritesAreForgottenAtTheNextGoodOne) {
  release();
  Client other = world.client();
  int tries = 0;
  const std::function<void()> taken_at_the_fifth = [&] {
    if (++tries < 5) return waiter.faults->before(Step::acquire, taken_at_the_fifth);
    ASSERT_TRUE(other.set("/locks/a", "theirs", {.ttl = 1min}));
  };
  waiter.faults->before(Step::acquire, taken_at_the_fifth);
  for (int i = 0; i < 4; ++i) waiter.faults->next(Step::acquire, refuse(errc::protocol_error));
  begin_to_wait();
  world.sleep(10s);
  ASSERT_EQ(tries, 5) << "and then it was refused as it should be";
  for (int i = 0; i < 4; ++i) waiter.faults->next(Step::acquire, refuse(errc::protocol_error));
  ASSERT_TRUE(other.remove("/locks/a"));
  world.sleep(10s);
  EXPECT_TRUE(granted());
}

TEST_F(LockWaiting, ALockThatIsKnownToBeHeldIsNotFreeInTimeWhateverFailsAfterwards) {
  waiter.faults->always(Step::inspect, lose_request());
  EXPECT_FALSE(wanted.try_lock_for(2s)) << "no exception: it is known that another has it";
  EXPECT_FALSE(wanted.try_lock());
  waiter.faults->always(Step::acquire, lose_request());
  EXPECT_THROW(static_cast<void>(wanted.try_lock_for(2s)), LockError) << "nobody knows";
}

TEST_F(LockWaiting, WhatFailedBeforeTheDeadlineIsSaidWithTheStepThatTheDeadlineCut) {
  release();
  waiter.faults->next(Step::acquire, refuse(errc::leader_election));
  waiter.faults->always(Step::acquire, lose_request());
  const auto refused = wanted.acquire(within(1s));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().describe(), testing::HasSubstr("before it, during leader election: refused by the test"));
}

TEST_F(LockWaiting, ALockThatWasSeenFreeIsNoLongerKnownToBeHeld) {
  waiter.faults->before(Step::inspect, [&] {
    release();
    waiter.faults->always(Step::acquire, lose_request());
  });
  EXPECT_THROW(static_cast<void>(wanted.try_lock_for(2s)), LockError);
}

TEST_F(LockWaiting, AReleaseBetweenTheRefusalAndTheWatchIsNotMissed) {  // C1, C3, C9
  waiter.faults->before(Step::wait, [&] { release(); });
  begin_to_wait();
  EXPECT_TRUE(granted());
}

TEST_F(LockWaiting, AReleaseBetweenTheRefusalAndTheLookIsNotMissed) {  // C1, C9
  waiter.faults->before(Step::inspect, [&] { release(); });
  begin_to_wait();
  EXPECT_TRUE(granted());
  EXPECT_EQ(waiter.faults->count(Step::wait), 0);
}

TEST_F(LockWaiting, AReleaseWhileTheWatchIsCutIsNotMissed) {  // C7, C10
  waiter.faults->next(Step::wait, lose_request());
  begin_to_wait();
  release();
  world.sleep(10s);
  EXPECT_TRUE(granted());
}

TEST_F(LockWaiting, AWatchThatBreaksIsAskedAgainFromTheSameIndex) {  // C7
  waiter.faults->next(Step::wait, refuse());
  waiter.faults->next(Step::wait, refuse());
  begin_to_wait();
  world.sleep(1s);
  const auto& from = waiter.faults->waited_from();
  ASSERT_GE(from.size(), 3U);
  EXPECT_EQ(from[0], from[1]);
  EXPECT_EQ(from[1], from[2]);
}

TEST_F(LockWaiting, AWatcherThatTheStoreForgetsCostsNoMoreThanOnePoll) {  // C10
  waiter.faults->next(Step::wait, {.kind = Fault::Kind::forget});
  begin_to_wait();
  const TimePoint start = world.runtime->now();
  release();
  world.sleep(6s);
  ASSERT_TRUE(granted());
  EXPECT_LE(granted_at - start, 5s);
}

TEST_F(LockWaiting, WatchesStartAfterTheRefusalAndDoNotSeeOldEvents) {  // C2, C19
  begin_to_wait();
  world.sleep(2s);
  EXPECT_EQ(waiter.faults->total(), 3);
}

TEST_F(LockWaiting, ClearedHistoryIsAnsweredByALookAndAFreshWatch) {  // C4, C5, C6
  waiter.faults->before(Step::wait, [&] { bury_history(); });
  begin_to_wait();
  world.sleep(1s);
  EXPECT_EQ(waiter.faults->count(Step::inspect), 2);
  EXPECT_EQ(waiter.faults->count(Step::wait), 2);
  EXPECT_EQ(waiter.faults->count(Step::acquire), 1);
  release();
  world.sleep(1ms);
  EXPECT_TRUE(granted());
}

TEST_F(LockWaiting, AStoreWhoseHistoryIsClearedEveryTimeIsNotHammered) {  // C4
  for (int i = 0; i < 500; ++i) waiter.faults->next(Step::wait, refuse(errc::history_cleared));
  begin_to_wait();
  world.sleep(60s);
  EXPECT_LT(waiter.faults->total(), 150);
  release();
  world.sleep(4s);
  EXPECT_TRUE(granted());
}

TEST_F(LockWaiting, AReleaseInTheClearedHistoryIsNotMissed) {  // C6
  waiter.faults->before(Step::wait, [&] {
    release();
    bury_history();
  });
  begin_to_wait();
  EXPECT_TRUE(granted());
}

TEST_F(LockWaiting, AnIndexThatGrewStaleDuringAPollIsNoProblem) {  // C5
  begin_to_wait();
  bury_history();
  world.sleep(20s);
  EXPECT_FALSE(granted());
  EXPECT_LT(waiter.faults->total(), 30);
  release();
  world.sleep(1ms);
  EXPECT_TRUE(granted());
}

TEST_F(LockWaiting, EveryKindOfRemovalWakes) {  // C8, C16
  begin_to_wait();
  ASSERT_TRUE(world.client().remove("/locks", {.recursive = true}));
  world.sleep(1ms);
  EXPECT_TRUE(granted());
}

TEST_F(LockWaiting, ADirectoryRemovedWhileTheWatchIsDownIsNoticed) {  // C16
  waiter.faults->before(Step::wait, [&] { ASSERT_TRUE(world.client().remove("/locks", {.recursive = true})); });
  begin_to_wait();
  world.sleep(6s);
  EXPECT_TRUE(granted());
}

TEST_F(LockWaiting, TheEndOfALeaseWakes) {  // C8, D11
  holder.faults->black_hole();
  begin_to_wait();
  world.sleep(11s);
  EXPECT_TRUE(granted());
}

TEST_F(LockWaiting, RenewalsAreNotTakenForReleases) {  // C11
  begin_to_wait();
  world.sleep(1min);
  EXPECT_FALSE(granted());
  EXPECT_EQ(waiter.faults->count(Step::acquire), 1);
  EXPECT_GT(holder.faults->count(Step::renew), 15);
  EXPECT_LT(waiter.faults->total(), 60);
}

TEST_F(LockWaiting, AHandOverCostsEachWaiterAFewRequestsOnly) {  // C12, C14
  std::vector<Member*> members;
  std::vector<std::unique_ptr<Task>> tasks;
  int served = 0;
  for (int i = 0; i < 20; ++i) {
    Member& member = *members.emplace_back(&world.add());
    tasks.push_back(world.spawn("waiter", [&] {
      auto mine = member.locks->mutex("a").acquire();
      ASSERT_THAT(mine, Succeeds());
      ++served;
    }));
  }
  world.sleep(1s);
  release();
  world.sleep(1s);
  EXPECT_EQ(served, 20);
  EXPECT_EQ(world.node.statistics().watchers, 0U);
  int total = 0;
  for (const Member* member : members) total += member->faults->total();
  EXPECT_LE(total, 20 * 20 * 3);
}

TEST_F(LockWaiting, AStoreThatRefusesEveryConnectionIsNotHammered) {  // C13, I5
  waiter.faults->always(Step::acquire, refuse());
  const TimePoint start = world.runtime->now();
  EXPECT_THAT(wanted.acquire(within(1min)), FailsWith(errc::unavailable));
  EXPECT_EQ(world.since(start), 1min);
  EXPECT_LT(waiter.faults->total(), 60);
  EXPECT_GT(waiter.faults->total(), 20);
}

TEST_F(LockWaiting, AStoreThatEndsEveryPollAtOnceIsNotHammered) {  // C17
  waiter.faults->always(Step::wait, {.kind = Fault::Kind::end_empty});
  begin_to_wait();
  world.sleep(1min);
  EXPECT_LT(waiter.faults->total(), 250);
  release();
  world.sleep(5s);
  EXPECT_TRUE(granted());
}

TEST_F(LockWaiting, EveryCallReturnsByItsDeadline) {  // DL, D5
  waiter.faults->black_hole();
  const TimePoint start = world.runtime->now();
  EXPECT_FALSE(wanted.acquire(within(1700ms)));
  EXPECT_EQ(world.since(start), 1700ms);
  EXPECT_FALSE(wanted.acquire(once()));
  EXPECT_EQ(world.since(start), 6700ms);
  waiter.faults->heal();
  EXPECT_FALSE(wanted.try_lock_for(1ns));
  EXPECT_FALSE(wanted.try_lock_until(std::chrono::system_clock::now() - 1h));
  EXPECT_FALSE(wanted.try_lock_for(-1s));
  EXPECT_EQ(world.since(start), 6700ms + 1ns);
}

TEST_F(LockWaiting, AWaiterThatMayNotRetryForeverGivesUp) {
  AcquireOptions three;
  three.max_retries = 3;
  three.retry_interval = 1s;
  const TimePoint start = world.runtime->now();
  EXPECT_THAT(wanted.acquire(three), FailsWith(errc::lock_already_held));
  EXPECT_EQ(world.since(start), 3s);
  EXPECT_THAT(held.acquire(three)->release(), Succeeds());
}

TEST_F(LockWaiting, BadAcquireOptionsAreRefused) {
  AcquireOptions bad;
  bad.max_retries = -1;
  EXPECT_THAT(wanted.acquire(bad), FailsWith(errc::invalid_argument));
  EXPECT_THAT(wanted.acquire(within(-1s)), FailsWith(errc::invalid_argument));
  bad = {};
  bad.max_hold = 0s;
  EXPECT_THAT(wanted.acquire(bad), FailsWith(errc::invalid_argument));
  bad = {};
  bad.retry_interval = -1s;
  EXPECT_THAT(wanted.acquire(bad), FailsWith(errc::invalid_argument));
  EXPECT_EQ(waiter.faults->total(), 0);
}

}  // namespace
}  // namespace deimos::lock_test

// Who holds the lock, and what a release may touch: hazards A and B, G1 to G5 and G16.
#include <mutex>
#include <stop_token>
#include <type_traits>

#include "locks/lock_world.h"

namespace deimos::lock_test {
namespace {

class LockOwnership : public TwoMembers {
 protected:
  /// The store forgets our lease, as if it had ended.
  void expire() { ASSERT_TRUE(world.client().remove("/locks/a")); }
};

TEST_F(LockOwnership, AnUncontendedLockAndUnlockAreTwoRequests) {
  mutex.lock();
  mutex.unlock();
  EXPECT_EQ(ours.faults->total(), 2);
  EXPECT_EQ(world.value_of("/locks/a"), "");
}

TEST_F(LockOwnership, TheStandardsWrappersWork) {
  Mutex other = ours.locks->mutex("b");
  {
    const std::scoped_lock both(mutex, other);
    EXPECT_TRUE(mutex.is_held());
    EXPECT_TRUE(other.is_held());
    std::unique_lock again(mutex, std::try_to_lock);
    EXPECT_TRUE(again.owns_lock());
    std::unique_lock theirs_now(rival, 1s);
    EXPECT_FALSE(theirs_now.owns_lock());
    EXPECT_FALSE(rival.try_lock_until(world.runtime->now() + 1s));
  }
  EXPECT_FALSE(mutex.is_held());
  EXPECT_TRUE(rival.try_lock());
  static_assert(std::is_nothrow_move_constructible_v<Hold>);
  static_assert(noexcept(mutex.unlock()));
}

TEST_F(LockOwnership, AReleaseDeletesOnlyItsOwnRecord) {  // A1, A3, A12
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  expire();
  auto next = rival.acquire();
  ASSERT_THAT(next, Succeeds());
  const std::string value = world.value_of("/locks/a");
  EXPECT_THAT(hold->release(), FailsWith(errc::lock_not_held));
  EXPECT_EQ(world.value_of("/locks/a"), value);
  EXPECT_GT(next->fencing_token(), hold->fencing_token());
}

TEST_F(LockOwnership, ARenewalDoesNotOverwriteTheNextHolder) {  // A3, E6, E13
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  expire();
  auto next = rival.acquire();
  ASSERT_THAT(next, Succeeds());
  const std::string value = world.value_of("/locks/a");
  EXPECT_THAT(hold->renew(), FailsWith(errc::lock_not_held));
  EXPECT_EQ(world.value_of("/locks/a"), value);
  EXPECT_TRUE(hold->lost().stop_requested() || (world.sleep(1ms), hold->lost().stop_requested()));
}

TEST_F(LockOwnership, ARenewalDoesNotBringBackARecordThatIsGone) {  // E6
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  expire();
  world.sleep(9s);
  EXPECT_EQ(world.value_of("/locks/a"), "");
  EXPECT_FALSE(hold->is_held());
}

TEST_F(LockOwnership, AnUnclearReleaseIsNeverRetriedOnALaterAcquisition) {  // A4
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  ours.faults->next(Step::release, lose_answer());
  ours.faults->next(Step::release, arrive_late(3s));
  const auto end = hold->release();
  ASSERT_THAT(end, Succeeds());
  EXPECT_EQ(*end, Release::in_background);
  auto again = mutex.acquire();
  ASSERT_THAT(again, Succeeds());
  world.sleep(2min);
  EXPECT_TRUE(again->is_held());
  EXPECT_NE(world.value_of("/locks/a"), "");
}

TEST_F(LockOwnership, EveryAcquisitionWritesAValueOfItsOwn) {  // A5
  std::vector<std::string> values;
  for (int i = 0; i < 3; ++i) {
    auto hold = mutex.acquire();
    ASSERT_THAT(hold, Succeeds());
    values.push_back(world.value_of("/locks/a"));
  }
  EXPECT_NE(values[0], values[1]);
  EXPECT_NE(values[1], values[2]);
  EXPECT_GE(values[0].size(), 32U);
}

TEST_F(LockOwnership, ALateReleaseThroughTheSameObjectDoesNotFreeAnotherTasksLock) {  // A6
  auto lost = mutex.acquire();
  ASSERT_THAT(lost, Succeeds());
  ASSERT_THAT(ours.locks->force_unlock("a"), Succeeds());
  std::uint64_t token = 0;
  const auto task = world.spawn("second", [&] {
    auto hold = mutex.acquire();
    ASSERT_THAT(hold, Succeeds());
    token = hold->fencing_token();
    world.sleep(5s);
    EXPECT_TRUE(hold->is_held());
  });
  world.sleep(1s);
  ASSERT_NE(token, 0U);
  EXPECT_THAT(lost->release(), FailsWith(errc::lock_not_held));
  EXPECT_NE(world.value_of("/locks/a"), "");
  world.sleep(5s);
}

TEST_F(LockOwnership, AfterALossTheNextTryAsksTheStore) {  // A7
  ASSERT_TRUE(mutex.try_lock());
  ASSERT_THAT(theirs.locks->force_unlock("a"), Succeeds());
  auto next = rival.acquire();
  ASSERT_THAT(next, Succeeds());
  world.sleep(9s);
  EXPECT_FALSE(mutex.is_held());
  EXPECT_FALSE(mutex.try_lock());
  ASSERT_THAT(next->release(), Succeeds());
  EXPECT_TRUE(mutex.try_lock());
}

TEST_F(LockOwnership, AReleaseThatTheNetworkSwallowsIsFinishedInTheBackground) {  // A8, A10
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  ours.faults->next(Step::release, lose_request());
  ours.faults->next(Step::release, refuse());
  const TimePoint start = world.runtime->now();
  const auto end = hold->release();
  ASSERT_THAT(end, Succeeds());
  EXPECT_EQ(*end, Release::in_background);
  EXPECT_LE(world.since(start), 5s);
  const int renewals = ours.faults->count(Step::renew);
  world.sleep(1s);
  EXPECT_EQ(world.value_of("/locks/a"), "");
  EXPECT_EQ(ours.seen(LockEvent::Kind::cleaned), 1);
  world.sleep(1min);
  EXPECT_EQ(ours.faults->count(Step::renew), renewals);
}

TEST_F(LockOwnership, ACancelledCallerStillGivesItsLockBack) {  // A9
  std::stop_source cancel;
  auto hold = mutex.acquire({}, cancel.get_token());
  ASSERT_THAT(hold, Succeeds());
  cancel.request_stop();
  EXPECT_TRUE(hold->is_held());
  EXPECT_THAT(hold->release(), Succeeds());
  EXPECT_EQ(world.value_of("/locks/a"), "");
}

TEST_F(LockOwnership, ASecondUnlockDoesNotFreeTheNextHolder) {  // A14
  mutex.lock();
  mutex.unlock();
  auto next = rival.acquire();
  ASSERT_THAT(next, Succeeds());
  mutex.unlock();
  EXPECT_NE(world.value_of("/locks/a"), "");
  EXPECT_EQ(ours.seen(LockEvent::Kind::stray_unlock), 1);
  auto hold = ours.locks->mutex("b").acquire();
  ASSERT_THAT(hold, Succeeds());
  EXPECT_THAT(hold->release(), Succeeds());
  EXPECT_THAT(hold->release(), FailsWith(errc::lock_not_held));
}

TEST_F(LockOwnership, AnAcquireWhoseAnswerIsLostIsRecognisedAsOurs) {  // B1, B2, E14
  ours.faults->next(Step::acquire, lose_answer());
  const TimePoint start = world.runtime->now();
  auto hold = mutex.acquire(within(30s));
  ASSERT_THAT(hold, Succeeds());
  EXPECT_LT(world.since(start), 6s);
  EXPECT_TRUE(hold->is_held());
  EXPECT_LE(hold->expires_at(), world.runtime->now() + 10s);
  EXPECT_THAT(hold->release(), Succeeds());
  EXPECT_EQ(world.value_of("/locks/a"), "");
}

TEST_F(LockOwnership, AStrangeErrorAfterAnAppliedCreateIsResolvedByReading) {  // B2, B3, I7
  ours.faults->next(Step::acquire, confuse(errc::raft_internal_error));
  auto hold = mutex.acquire(within(30s));
  ASSERT_THAT(hold, Succeeds());
  EXPECT_FALSE(rival.try_lock());
}

TEST_F(LockOwnership, ACreateThatIsAppliedAfterTheCallerGaveUpIsRemoved) {  // B4, B6
  ours.faults->next(Step::acquire, arrive_late(4s));
  ours.faults->always(Step::inspect, lose_request());
  const TimePoint start = world.runtime->now();
  EXPECT_FALSE(mutex.acquire(within(2s)));
  EXPECT_EQ(world.since(start), 2s);
  ours.faults->heal();
  world.sleep(1s);
  EXPECT_EQ(world.value_of("/locks/a"), "");
  EXPECT_TRUE(rival.try_lock_for(20s));  // It turns up at 4 s, and is gone before its lease would have ended.
  EXPECT_LT(world.since(start), 10s);
  rival.unlock();
  world.sleep(1min);
  EXPECT_EQ(ours.seen(LockEvent::Kind::cleaned), 1);
}

TEST_F(LockOwnership, ACreateThatIsAppliedAfterALaterOneWasGrantedAndReleasedIsRemoved) {  // B4
  ours.faults->next(Step::acquire, arrive_late(8s));
  auto hold = mutex.acquire(within(30s));  // The second create is granted after the first timed out.
  ASSERT_THAT(hold, Succeeds());
  EXPECT_THAT(hold->release(), Succeeds());
  EXPECT_EQ(world.value_of("/locks/a"), "");
  world.sleep(2s);
  const int releases = ours.faults->count(Step::release);
  world.sleep(7s);
  EXPECT_GT(ours.faults->count(Step::release), releases);
  EXPECT_EQ(world.value_of("/locks/a"), "");
  world.sleep(1min);
  EXPECT_EQ(ours.seen(LockEvent::Kind::cleaned), 1);
}

TEST_F(LockOwnership, ACancelledAcquireLeavesNothingBehind) {  // B6
  std::stop_source cancel;
  ours.faults->next(Step::acquire, delay_answer(3s));
  const auto task =
      world.spawn("acquirer", [&] { EXPECT_THAT(mutex.acquire({}, cancel.get_token()), FailsWith(errc::cancelled)); });
  world.sleep(1s);
  cancel.request_stop();
  world.sleep(3s);
  EXPECT_EQ(world.value_of("/locks/a"), "");
  EXPECT_THAT(mutex.acquire(once()), Succeeds());
}

TEST_F(LockOwnership, ACancelledWaiterReturnsAtOnceAndLeavesNoWatch) {  // B6, B7, C14
  auto hold = rival.acquire();
  ASSERT_THAT(hold, Succeeds());
  std::stop_source cancel;
  const auto task =
      world.spawn("waiter", [&] { EXPECT_THAT(mutex.acquire({}, cancel.get_token()), FailsWith(errc::cancelled)); });
  world.sleep(1s);
  EXPECT_EQ(world.node.statistics().watchers, 1U);
  cancel.request_stop();
  world.sleep(1ms);
  EXPECT_EQ(world.node.statistics().watchers, 0U);
  EXPECT_TRUE(hold->is_held());
}

TEST_F(LockOwnership, AFailedTryLeavesNothingBehind) {  // B8
  auto hold = rival.acquire();
  ASSERT_THAT(hold, Succeeds());
  EXPECT_THAT(mutex.acquire(once()), FailsWith(errc::lock_already_held));
  EXPECT_THAT(mutex.acquire(once()), FailsWith(errc::lock_already_held));
  ASSERT_THAT(hold->release(), Succeeds());
  EXPECT_THAT(mutex.acquire(once()), Succeeds());
  EXPECT_EQ(ours.faults->count(Step::release), 1);
}

TEST_F(LockOwnership, AKeyInOtherUseIsAnErrorAndIsLeftAlone) {  // B13
  Client client = world.client();
  ASSERT_TRUE(client.create_directory("/locks/dir"));
  EXPECT_THAT(ours.locks->mutex("dir").acquire(within(1min)), FailsWith(errc::not_a_file));
  ASSERT_TRUE(client.set("/locks/file", "x"));
  EXPECT_THAT(ours.locks->mutex("file/below").acquire(within(1min)), FailsWith(errc::not_a_directory));
  EXPECT_THAT(ours.locks->mutex("file").acquire(within(1min)), FailsWith(errc::lock_timeout));
  EXPECT_EQ(world.value_of("/locks/file"), "x");
}

TEST_F(LockOwnership, TheLastOfAsManyUnlocksAsLocksFreesIt) {  // G1, G4
  mutex.lock();
  const std::uint64_t token = mutex.fencing_token();
  mutex.lock();
  EXPECT_EQ(mutex.fencing_token(), token);
  mutex.unlock();
  EXPECT_TRUE(mutex.is_held());
  EXPECT_FALSE(rival.try_lock());
  mutex.unlock();
  EXPECT_FALSE(mutex.is_held());
  EXPECT_TRUE(rival.try_lock());
  EXPECT_EQ(ours.faults->count(Step::acquire), 1);
}

TEST_F(LockOwnership, UnlocksOfALostHoldDoNotTouchTheNextOne) {  // G2
  mutex.lock();
  mutex.lock();
  ASSERT_THAT(theirs.locks->force_unlock("a"), Succeeds());
  world.sleep(9s);
  ASSERT_FALSE(mutex.is_held());
  mutex.lock();
  mutex.unlock();
  mutex.unlock();
  EXPECT_TRUE(mutex.is_held());
  EXPECT_NE(world.value_of("/locks/a"), "");
  mutex.unlock();
  EXPECT_EQ(world.value_of("/locks/a"), "");
}

TEST_F(LockOwnership, HoldsOfALostAcquisitionDoNotCountForTheNextOne) {  // G2, B12, E11
  auto first = mutex.acquire();
  auto nested = mutex.acquire();
  ASSERT_THAT(ours.locks->force_unlock("a"), Succeeds());
  auto next = mutex.acquire();
  ASSERT_THAT(next, Succeeds());
  EXPECT_GT(next->fencing_token(), nested->fencing_token());
  EXPECT_THAT(nested->release(), FailsWith(errc::lock_not_held));
  EXPECT_THAT(first->release(), FailsWith(errc::lock_not_held));
  world.sleep(1min);
  EXPECT_TRUE(next->is_held());
  const auto end = next->release();
  ASSERT_THAT(end, Succeeds());
  EXPECT_EQ(*end, Release::freed);
}

TEST_F(LockOwnership, ReentryChangesNeitherLeaseNorRenewal) {  // G3
  AcquireOptions twenty;
  twenty.ttl = 20s;
  auto outer = mutex.acquire(twenty);
  ASSERT_THAT(outer, Succeeds());
  const TimePoint end = outer->expires_at();
  AcquireOptions two;
  two.ttl = 2s;
  two.auto_renew = false;
  auto inner = mutex.acquire(two);
  ASSERT_THAT(inner, Succeeds());
  EXPECT_EQ(outer->expires_at(), end);
  world.sleep(1min);
  EXPECT_TRUE(outer->is_held());
}

TEST_F(LockOwnership, TwoTasksOfOneProcessExcludeEachOther) {  // G5
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  const int before = ours.faults->total();
  const auto task = world.spawn("second", [&] {
    EXPECT_FALSE(mutex.try_lock());
    EXPECT_FALSE(mutex.is_held());
    EXPECT_EQ(mutex.fencing_token(), 0U);
    EXPECT_TRUE(mutex.lost().stop_requested());
  });
  world.sleep(1s);
  EXPECT_EQ(ours.faults->total(), before);
}

TEST_F(LockOwnership, NamedOwnersAreNotTasks) {  // G5
  AcquireOptions seven = once();
  seven.owner = world.runtime->current_task();
  auto hold = mutex.acquire(seven);
  ASSERT_THAT(hold, Succeeds());
  EXPECT_THAT(mutex.acquire(once()), FailsWith(errc::lock_already_held));
  const auto task = world.spawn("same owner", [&] { EXPECT_THAT(mutex.acquire(seven), Succeeds()); });
  world.sleep(1s);
  EXPECT_TRUE(hold->is_held());
  seven.reentrant = false;
  EXPECT_THAT(mutex.acquire(seven), FailsWith(errc::lock_already_held));
}

TEST_F(LockOwnership, TheLeaseOfOneCallIsNotRememberedForTheNext) {  // G16
  AcquireOptions five;
  five.ttl = 5s;
  ASSERT_THAT(mutex.acquire(five)->release(), Succeeds());
  const TimePoint start = world.runtime->now();
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  EXPECT_GT(hold->expires_at() - start, 9s);
}

TEST_F(LockOwnership, WaitersOfOneProcessAreServedInOrderAndOnlyTheFirstAsksTheStore) {
  auto hold = rival.acquire();
  ASSERT_THAT(hold, Succeeds());
  std::vector<int> order;
  std::vector<std::uint64_t> tokens;
  std::vector<std::unique_ptr<Task>> tasks;
  for (int i = 0; i < 5; ++i) {
    tasks.push_back(world.spawn("waiter", [&, i] {
      auto mine = mutex.acquire();
      ASSERT_THAT(mine, Succeeds());
      order.push_back(i);
      tokens.push_back(mine->fencing_token());
      world.sleep(1s);
    }));
    world.sleep(1ms);
  }
  EXPECT_EQ(world.node.statistics().watchers, 1U);
  EXPECT_EQ(ours.faults->count(Step::acquire), 1);
  ASSERT_THAT(hold->release(), Succeeds());
  world.sleep(10s);
  EXPECT_THAT(order, ::testing::ElementsAre(0, 1, 2, 3, 4));
  EXPECT_TRUE(std::is_sorted(tokens.begin(), tokens.end()));
}

TEST_F(LockOwnership, ItExcludesTheOtherClientsOfTheStore) {
  Client go = world.client();
  ASSERT_TRUE(go.create("/locks/a", "go-client", {.ttl = 5s}));
  EXPECT_FALSE(mutex.try_lock());
  const auto info = mutex.info();
  ASSERT_THAT(info, Succeeds());
  ASSERT_TRUE(info->has_value());
  EXPECT_EQ((*info)->owner, "go-client");
  EXPECT_FALSE((*info)->held_here);
  const TimePoint start = world.runtime->now();
  const auto task = world.spawn("its release", [&] {
    world.sleep(2s);
    ASSERT_TRUE(go.compare_and_delete("/locks/a", {.value = "go-client"}));
  });
  EXPECT_TRUE(mutex.try_lock_for(1min));
  EXPECT_EQ(world.since(start), 2s);
  EXPECT_FALSE(go.create("/locks/a", "go-client", {.ttl = 5s}));
}

}  // namespace
}  // namespace deimos::lock_test

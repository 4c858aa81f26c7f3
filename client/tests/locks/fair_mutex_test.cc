// The fair mutex: who is next, what it costs, and what is told of it.
#include <string>
#include <vector>

#include "locks/fair_waiters.h"

namespace deimos::lock_test {
namespace {

TEST_F(FairMutex, GoesToWhoeverHasWaitedLongest) {  // FF
  Waiter& holder = start(first);
  // So that an order by text would be another: F1.
  Client client = world.client();
  for (std::uint64_t index = client.get("/locks/a").value().index; index < 8; ++index) {
    ASSERT_TRUE(client.set("/x", "y"));
  }
  Waiter& next = start(second);
  Waiter& last = start(third);
  const std::vector<LockInfo> waiting = line();
  ASSERT_EQ(waiting.size(), 3U);
  ASSERT_LT(waiting[2].key, waiting[1].key) << "the test is about an order that text has not";
  holder.release();
  world.sleep(100ms);
  EXPECT_TRUE(next.granted());
  EXPECT_TRUE(last.waits());
  next.release();
  world.sleep(100ms);
  EXPECT_TRUE(last.granted());
  EXPECT_LT((*next.hold)->fencing_token(), (*last.hold)->fencing_token());
}

TEST_F(FairMutex, WhoWaitsKeepsItsPlaceWhenTheHolderIsForcedOut) {
  start(first);
  Waiter& next = start(second);
  Waiter& last = start(third);
  const std::vector<LockInfo> before = line();
  ASSERT_TRUE(third.locks->force_unlock("a").value());
  world.sleep(100ms);
  EXPECT_TRUE(next.granted());
  EXPECT_TRUE(last.waits());
  EXPECT_EQ(line()[1].key, before[2].key);
  EXPECT_EQ(second.seen(LockEvent::Kind::place_lost) + third.seen(LockEvent::Kind::place_lost), 0);
}

TEST_F(FairMutex, CostsThreeRequestsAndNothingIsLeft) {  // RQ, CL
  { const auto hold = of(first).acquire(); }
  EXPECT_EQ(first.faults->total(), 3);
  EXPECT_EQ(places(), 0U);
  EXPECT_EQ(world.node.statistics().watchers, 0U);
}

TEST_F(FairMutex, AHandOverCostsAFewRequestsHoweverManyWait) {  // RQ
  for (const int waiters : {10, 200}) {
    std::vector<Waiter*> line;
    line.push_back(&start(first));
    for (int i = 0; i < waiters; ++i) line.push_back(&start(world.add({.ttl = 30min, .poll_interval = 10min})));
    // Nobody is renewed, looks or ends a poll meanwhile but for the hand-overs.
    const auto requests = [&] {
      int sum = 0;
      for (const Waiter* waiter : line) sum += waiter->member->faults->total();
      return sum;
    };
    for (std::size_t i = 0; i < 5; ++i) {
      ASSERT_TRUE(line[i]->granted()) << i;
      const int before = requests();
      line[i]->release();
      world.sleep(100ms);
      EXPECT_LE(requests() - before, 4) << waiters << " wait";
    }
    for (Waiter* waiter : line) waiter->cancel.request_stop();
    world.sleep(1s);
    line[5]->release();
    EXPECT_EQ(places(), 0U);
  }
}

TEST_F(FairMutex, AWaiterIsCheapWhileNothingHappens) {  // RQ
  Member& member = world.add({.ttl = 30s});
  start(first);
  start(member);
  const auto asked = [&] { return member.faults->count(Step::places) + member.faults->count(Step::enqueue); };
  const int before = asked();
  world.sleep(5min);
  EXPECT_LE(asked() - before, 10) << "one look in 30 s";
  EXPECT_LE(member.faults->count(Step::renew), 5 * 60 / 9 + 1)
      << "and a renewal of its own place each third of a lease";
}

TEST_F(FairMutex, TheOwnersOfOneProcessContendHereFirst) {
  Waiter& holder = start(first);
  std::vector<Waiter*> ours;
  for (int i = 0; i < 5; ++i) ours.push_back(&start(second));
  Waiter& theirs = start(third);
  EXPECT_EQ(places(), 3U) << "one of each process";
  holder.release();
  world.sleep(100ms);
  EXPECT_TRUE(ours[0]->granted());
  ours[0]->release();
  world.sleep(100ms);
  EXPECT_TRUE(theirs.granted()) << "many owners of a process do not get more turns";
  EXPECT_TRUE(ours[1]->waits());
  theirs.release();
  for (std::size_t i = 1; i < ours.size(); ++i) {
    world.sleep(100ms);
    ASSERT_TRUE(ours[i]->granted()) << i;
    ours[i]->release();
  }
}

TEST_F(FairMutex, ReentryHasTheSameTokenAndOnePlace) {  // G4
  const Mutex mutex = of(first);
  mutex.lock();
  const std::uint64_t token = mutex.fencing_token();
  ASSERT_TRUE(mutex.try_lock());
  EXPECT_EQ(mutex.fencing_token(), token);
  EXPECT_EQ(places(), 1U);
  mutex.unlock();
  EXPECT_TRUE(mutex.is_held());
  mutex.unlock();
  EXPECT_EQ(places(), 0U);
}

TEST_F(FairMutex, AHolderIsRenewed) {
  Waiter& holder = start(first);
  world.sleep(2min);
  EXPECT_TRUE(holder.granted());
  EXPECT_THAT(of(second).acquire(once()), FailsWith(errc::lock_already_held));
}

TEST_F(FairMutex, ALossIsToldOnceAndTheLockWorksAgain) {  // law 5, K15
  int told = 0;
  AcquireOptions options;
  options.on_lost = [&](const Error& why) {
    ++told;
    EXPECT_EQ(why.code, errc::lock_not_held);
  };
  Waiter& holder = start(first, options);
  Waiter& same_process = start(first);
  ASSERT_EQ(world_view.locks->force_unlock("a").value(), true);
  world.sleep(4s);
  EXPECT_EQ(told, 1);
  EXPECT_TRUE((*holder.hold)->lost().stop_requested());
  EXPECT_TRUE(same_process.granted());
}

TEST_F(FairMutex, ALossWhileWaitingIsNobodysBusiness) {
  start(first);
  int told = 0;
  AcquireOptions options;
  options.on_lost = [&](const Error&) { ++told; };
  Waiter& waiting = start(second, options);
  ASSERT_TRUE(world.client().remove(line()[1].key));
  world.sleep(10s);
  EXPECT_EQ(told, 0);
  EXPECT_TRUE(waiting.waits());
}

TEST_F(FairMutex, TheHoldBeginsWithTheGrantNotWithTheWait) {
  Waiter& holder = start(first);
  AcquireOptions options;
  options.max_hold = 7s;
  Waiter& waiting = start(second, options);
  world.sleep(30s);
  holder.release();
  world.sleep(1s);
  ASSERT_TRUE(waiting.granted());
  world.sleep(5s);
  EXPECT_TRUE(waiting.granted());
  world.sleep(2s);
  EXPECT_FALSE(waiting.granted());
}

TEST_F(FairMutex, APlaceIsRenewedAlsoForAHoldThatIsNot) {
  Waiter& holder = start(first);
  AcquireOptions options;
  options.auto_renew = false;
  Waiter& waiting = start(second, options);
  world.sleep(1min);
  EXPECT_EQ(second.seen(LockEvent::Kind::place_lost), 0);
  holder.release();
  world.sleep(100ms);
  ASSERT_TRUE(waiting.granted());
  world.sleep(10s);
  EXPECT_FALSE(waiting.granted());
}

TEST_F(FairMutex, AnotherKindOfThatNameIsAClearError) {  // B11, B13
  const Hold plain = first.locks->mutex("p").acquire().value();
  EXPECT_THAT(second.locks->mutex("p", fair).acquire(), FailsWith(errc::not_a_directory));
  const Hold queued = of(first).acquire().value();
  EXPECT_THAT(second.locks->mutex("a").acquire(), FailsWith(errc::not_a_file));
  EXPECT_THAT(second.locks->shared_mutex("b").acquire(), Succeeds());
  const Hold shared = second.locks->shared_mutex("c").acquire().value();
  EXPECT_THAT(third.locks->mutex("c", fair).acquire(), FailsWith(errc::lock_kind_differs));
  EXPECT_THAT(first.locks->mutex("a").acquire(), FailsWith(errc::lock_kind_differs)) << "in this process";
  EXPECT_EQ(third.locks->line("c")->size(), 1U) << "who was refused has left";
}

TEST_F(FairMutex, AKindThatIsOnlyLeftOverIsTakenOut) {
  World slow({.sweep_interval = 1h});
  Member& gone = slow.add({.ttl = 2s});
  Member& other = slow.add();
  auto lost = gone.locks->shared_mutex("a").acquire();
  gone.faults->black_hole();
  slow.sleep(5s);
  EXPECT_THAT(other.locks->mutex("a", fair).acquire(), Succeeds());
}

TEST_F(FairMutex, TheStoreSaysWhoHoldsItAndWhoWaits) {
  Member& named = world.add({.ttl = 10s, .owner = "reports-7"});
  const Hold hold = of(named).acquire().value();
  Waiter& waiting = start(first);
  const auto info = world_view.locks->info("a").value();
  ASSERT_TRUE(info);
  EXPECT_EQ(info->name, "a");
  EXPECT_EQ(info->owner, "reports-7");
  EXPECT_EQ(info->kind, LockKind::fair_mutex);
  EXPECT_EQ(info->created_revision, hold.fencing_token());
  EXPECT_FALSE(info->waiting);
  EXPECT_FALSE(info->held_here);
  EXPECT_TRUE(named.locks->info("a").value()->held_here);
  const auto all = world_view.locks->list().value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].name, "a");
  EXPECT_FALSE(all[0].waiting);
  EXPECT_TRUE(all[1].waiting);
  EXPECT_TRUE(world_view.locks->is_locked("a").value());
  EXPECT_TRUE(waiting.waits());
}

TEST_F(FairMutex, TheDirectoryThatStaysIsNoLock) {
  { const auto hold = of(first).acquire(); }
  EXPECT_FALSE(world_view.locks->is_locked("a").value());
  EXPECT_EQ(world_view.locks->info("a").value(), std::nullopt);
  EXPECT_THAT(world_view.locks->list().value(), ::testing::IsEmpty());
  EXPECT_FALSE(world_view.locks->force_unlock("a").value());
}

TEST_F(FairMutex, ForceUnlockTellsAHolderOfTheSameManagerAtOnce) {  // E18
  const Hold hold = of(first).acquire().value();
  EXPECT_TRUE(first.locks->force_unlock("a").value());
  EXPECT_FALSE(hold.is_held());
  EXPECT_EQ(places(), 0U);
}

}  // namespace
}  // namespace deimos::lock_test

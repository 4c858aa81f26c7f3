// The fair mutex: who is next, what becomes of places, and what it costs.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "locks/lock_world.h"

namespace deimos::lock_test {
namespace {

constexpr MutexOptions fair{.fairness = Fairness::fair};

class FairMutex : public ::testing::Test {
 protected:
  /// The lock as a client of its own has it.
  Mutex of(Member& member) { return member.locks->mutex("a", fair); }

  /// Waits for the lock in the background, and keeps it until told.
  struct Waiter {
    Member* member = nullptr;
    std::optional<Result<Hold>> hold = {};
    std::stop_source cancel = {};
    std::unique_ptr<Task> task = {};

    ~Waiter() { cancel.request_stop(); }

    [[nodiscard]] bool granted() const { return hold && hold->has_value() && (*hold)->is_held(); }
    [[nodiscard]] bool waits() const { return !hold; }
    void release() { ASSERT_THAT((*hold)->release(), Succeeds()); }
  };
  Waiter& start(Member& member, AcquireOptions options = {}) {
    Waiter& waiter = *waiters_.emplace_back(std::make_unique<Waiter>());
    waiter.member = &member;
    waiter.task = world.spawn("waiter", [this, &waiter, options] {
      waiter.hold = of(*waiter.member).acquire(options, waiter.cancel.get_token());
    });
    world.sleep(20ms);
    return waiter;
  }
  [[nodiscard]] std::vector<LockInfo> line() { return world_view.locks->line("a").value(); }
  [[nodiscard]] std::size_t places() { return line().size(); }

  World world;
  Member& world_view = world.add();
  Member& first = world.add();
  Member& second = world.add();
  Member& third = world.add();

 private:
  std::vector<std::unique_ptr<Waiter>> waiters_;
};

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

TEST_F(FairMutex, ATryThatIsRefusedLeavesNothing) {  // B8
  start(first);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(of(second).try_lock());
  EXPECT_EQ(places(), 1U);
}

TEST_F(FairMutex, WhoGivesUpLeavesTheLineAndTheNextIsNotMisled) {  // F7, B6
  Waiter& holder = start(first);
  Waiter& impatient = start(second, within(3s));
  Waiter& patient = start(third);
  world.sleep(4s);
  EXPECT_THAT(*impatient.hold, FailsWith(errc::lock_timeout));
  EXPECT_EQ(places(), 2U);
  EXPECT_TRUE(patient.waits()) << "who left was not the holder";
  holder.release();
  world.sleep(100ms);
  EXPECT_TRUE(patient.granted());
}

TEST_F(FairMutex, WhoIsCancelledLeavesTheLineAtOnce) {  // B6, B7
  start(first);
  Waiter& cancelled = start(second);
  cancelled.cancel.request_stop();
  world.sleep(100ms);
  EXPECT_THAT(*cancelled.hold, FailsWith(errc::cancelled));
  EXPECT_EQ(places(), 1U);
}

TEST_F(FairMutex, AManagerThatClosesLeavesNoPlace) {
  start(first);
  Waiter& waiting = start(second);
  second.locks->close();
  EXPECT_THAT(*waiting.hold, FailsWith(errc::closed));
  EXPECT_EQ(places(), 1U);
  first.locks->close();
  EXPECT_EQ(places(), 0U);
}

TEST_F(FairMutex, AWaiterThatIsGoneDoesNotBlock) {  // F3, G10
  Waiter& holder = start(first);
  start(second);
  Waiter& patient = start(third);
  second.faults->black_hole();  // It renews its place no more, and can say nothing.
  world.sleep(5s);
  holder.release();
  const TimePoint released = world.runtime->now();
  while (!patient.granted()) world.sleep(100ms);
  EXPECT_LE(world.since(released), 10s);
}

TEST_F(FairMutex, AHolderThatIsGoneIsTakenOutAlsoIfNothingSweeps) {  // law 11
  World slow({.sweep_interval = 1h});
  Member& gone = slow.add();
  Member& waiting = slow.add();
  auto lost = gone.locks->mutex("a", fair).acquire();
  gone.faults->black_hole();
  const TimePoint start = slow.runtime->now();
  ASSERT_THAT(waiting.locks->mutex("a", fair).acquire(), Succeeds());
  EXPECT_GE(slow.since(start), 10s);
  EXPECT_LE(slow.since(start), 12s);
  EXPECT_FALSE(lost->is_held());
}

TEST_F(FairMutex, AHolderIsNotTakenOutWithinTheSkewAllowedFor) {  // K16
  World slow({.sweep_interval = 1h});
  Member& gone = slow.add({.ttl = 20s, .max_clock_skew = 3s});
  Member& waiting = slow.add({.ttl = 20s, .max_clock_skew = 3s});
  auto lost = gone.locks->mutex("a", fair).acquire();
  gone.faults->black_hole();
  const TimePoint start = slow.runtime->now();
  slow.sleep(21500ms);  // It is over by the clock of the node that is asked.
  ASSERT_THAT(waiting.locks->mutex("a", fair).acquire(), Succeeds());
  EXPECT_GE(slow.since(start), 23s) << "its node's clock may be so much behind";
  EXPECT_LE(slow.since(start), 25s);
}

TEST_F(FairMutex, AWaiterWhoseLeaseEndsLinesUpAgain) {  // F2, E12
  Waiter& holder = start(first);
  Waiter& waiting = start(second);
  const std::string place = line()[1].key;
  second.faults->always(Step::renew, lose_request());
  world.sleep(15s);
  second.faults->heal();
  world.sleep(10s);
  ASSERT_TRUE(waiting.waits());
  EXPECT_GE(second.seen(LockEvent::Kind::place_lost), 1);
  EXPECT_EQ(second.seen(LockEvent::Kind::lost), 0) << "it had nothing that could be lost";
  ASSERT_EQ(places(), 2U);
  EXPECT_NE(line()[1].key, place);
  holder.release();
  world.sleep(1s);
  EXPECT_TRUE(waiting.granted());
}

TEST_F(FairMutex, AWaiterIsNotLetInOnALeaseThatHasEnded) {  // E12, B9
  Waiter& holder = start(first);
  Waiter& waiting = start(second);
  // Nothing of it is renewed, and what says that it is its turn comes when its lease is over.
  second.faults->always(Step::renew, lose_request());
  second.faults->next(Step::places, answer_overdue(15s));
  holder.release();
  world.sleep(100ms);
  EXPECT_FALSE(waiting.granted());
  Waiter& other = start(third);
  world.sleep(14s);
  EXPECT_TRUE(other.granted());
  EXPECT_FALSE(waiting.granted()) << "both would hold it";
}

TEST_F(FairMutex, AWaiterThatIsTakenOutLinesUpAgainAtOnce) {
  start(first);
  Waiter& waiting = start(second);
  ASSERT_TRUE(world.client().remove(line()[1].key));
  while (second.seen(LockEvent::Kind::place_lost) == 0) world.sleep(10ms);
  world.sleep(100ms);
  EXPECT_TRUE(waiting.waits());
  EXPECT_EQ(places(), 2U) << "not only when its poll ends";
}

TEST_F(FairMutex, NothingIsKeptOfAWaitThatWasGivenUp) {
  Waiter& holder = start(first);
  EXPECT_FALSE(of(second).acquire(within(1s)));
  EXPECT_FALSE(of(second).try_lock());
  world.sleep(1s);
  holder.release();
  // In that process the name is free for another kind; in the store it is, as soon as nobody has it.
  EXPECT_THAT(second.locks->shared_mutex("a").acquire(), Succeeds());
}

TEST_F(FairMutex, APlaceThatWasTakenWithoutAnAnswerIsFoundAgain) {  // B1, F8
  first.faults->next(Step::enqueue, lose_answer());
  Waiter& waiting = start(first);
  world.sleep(6s);
  EXPECT_TRUE(waiting.granted());
  EXPECT_EQ(first.faults->count(Step::enqueue), 1);
  EXPECT_EQ(places(), 1U);
  world.sleep(1min);
  EXPECT_TRUE(waiting.granted()) << "and it is renewed";
}

TEST_F(FairMutex, APlaceThatIsFoundWhenItsLeaseIsOverIsGivenUp) {  // B9
  Member& hasty = world.add({.ttl = 3s, .request_timeout = 5s});
  hasty.faults->next(Step::enqueue, lose_answer());
  Waiter& waiting = start(hasty);
  world.sleep(8s);
  ASSERT_TRUE(waiting.granted());
  EXPECT_GT((*waiting.hold)->expires_at(), world.runtime->now());
  EXPECT_EQ(places(), 1U);
}

TEST_F(FairMutex, ALeaseCountsFromTheRequestThatTookThePlace) {  // law 1
  first.faults->next(Step::enqueue, delay_answer(4s));
  AcquireOptions options;
  options.auto_renew = false;
  const TimePoint sent = world.runtime->now();
  const Hold hold = of(first).acquire(options).value();
  EXPECT_EQ(hold.expires_at(), sent + usable);
}

TEST_F(FairMutex, WhoFindsItsPlaceGoneWhenItIsItsTurnLinesUpAgain) {  // F2
  Waiter& holder = start(first);
  Waiter& waiting = start(second);
  ASSERT_TRUE(world.client().remove(line()[1].key));
  holder.release();
  world.sleep(1s);
  EXPECT_TRUE(waiting.granted());
  EXPECT_EQ(second.seen(LockEvent::Kind::place_lost), 1);
  EXPECT_EQ(places(), 1U);
}

TEST_F(FairMutex, APlaceThatComesLateIsRemoved) {  // B2, B4, F8
  first.faults->next(Step::enqueue, arrive_late(8s));
  Waiter& waiting = start(first);
  world.sleep(7s);
  EXPECT_TRUE(waiting.granted());
  EXPECT_EQ(places(), 1U);
  world.sleep(8s);
  EXPECT_EQ(places(), 1U) << "the late one was removed";
  EXPECT_TRUE(waiting.granted());
}

TEST_F(FairMutex, WhoGivesUpBeforeItKnowsItsPlaceLeavesNone) {  // B6
  first.faults->next(Step::enqueue, arrive_late(6s));
  EXPECT_FALSE(of(first).acquire(within(2s)));
  world.sleep(20s);
  EXPECT_EQ(places(), 0U);
}

TEST_F(FairMutex, ACopyOfTheRequestThatTookThePlaceIsRemoved) {  // F8
  Waiter& holder = start(first);
  const std::vector<LockInfo> before = line();
  Waiter& waiting = start(second);
  ASSERT_TRUE(world.client().create_in_order("/locks/a", line()[1].value, {.ttl = 10s}));
  holder.release();
  world.sleep(1s);
  EXPECT_TRUE(waiting.granted());
  EXPECT_EQ(places(), 1U);
  waiting.release();
  EXPECT_EQ(places(), 0U);
}

TEST_F(FairMutex, AReleaseBetweenTheListAndTheWatchIsNotMissed) {  // C1, F6
  Waiter& holder = start(first);
  second.faults->before(Step::wait, [&] { holder.release(); });
  Waiter& waiting = start(second);
  world.sleep(100ms);
  EXPECT_TRUE(waiting.granted());
}

TEST_F(FairMutex, AWatchThatTheStoreForgetsCostsNoMoreThanAPoll) {  // C10
  Waiter& holder = start(first);
  second.faults->next(Step::wait, {.kind = Fault::Kind::forget});
  Waiter& waiting = start(second);
  holder.release();
  world.sleep(5s);
  EXPECT_TRUE(waiting.granted());
}

TEST_F(FairMutex, AHistoryThatIsGoneIsReplacedByALook) {  // C4, C5
  Waiter& holder = start(first);
  second.faults->before(Step::wait, [&] {
    Client client = world.client();
    holder.release();
    for (int i = 0; i < 1001; ++i) ASSERT_TRUE(client.set("/x", "y"));
  });
  Waiter& waiting = start(second);
  world.sleep(1s);
  EXPECT_TRUE(waiting.granted());
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

// What becomes of a place in a queue: given up, lost, taken without an answer, in the way when its owner is gone.
#include <string>
#include <vector>

#include "locks/fair_waiters.h"

namespace deimos::lock_test {
namespace {

using QueuePlaceTest = FairMutex;

TEST_F(QueuePlaceTest, ATryThatIsRefusedLeavesNothing) {  // B8
  start(first);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(of(second).try_lock());
  EXPECT_EQ(places(), 1U);
}

TEST_F(QueuePlaceTest, WhoGivesUpLeavesTheLineAndTheNextIsNotMisled) {  // F7, B6
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

TEST_F(QueuePlaceTest, WhoIsCancelledLeavesTheLineAtOnce) {  // B6, B7
  start(first);
  Waiter& cancelled = start(second);
  cancelled.cancel.request_stop();
  world.sleep(100ms);
  EXPECT_THAT(*cancelled.hold, FailsWith(errc::cancelled));
  EXPECT_EQ(places(), 1U);
}

TEST_F(QueuePlaceTest, AManagerThatClosesLeavesNoPlace) {
  start(first);
  Waiter& waiting = start(second);
  second.locks->close();
  EXPECT_THAT(*waiting.hold, FailsWith(errc::closed));
  EXPECT_EQ(places(), 1U);
  first.locks->close();
  EXPECT_EQ(places(), 0U);
}

TEST_F(QueuePlaceTest, AWaiterThatIsGoneDoesNotBlock) {  // F3, G10
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

TEST_F(QueuePlaceTest, AHolderThatIsGoneIsTakenOutAlsoIfNothingSweeps) {  // law 11
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

TEST_F(QueuePlaceTest, AHolderIsNotTakenOutWithinTheSkewAllowedFor) {  // K16
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

TEST_F(QueuePlaceTest, AWaiterWhoseLeaseEndsLinesUpAgain) {  // F2, E12
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

TEST_F(QueuePlaceTest, AWaiterIsNotLetInOnALeaseThatHasEnded) {  // E12, B9
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

TEST_F(QueuePlaceTest, AWaiterThatIsTakenOutLinesUpAgainAtOnce) {
  start(first);
  Waiter& waiting = start(second);
  ASSERT_TRUE(world.client().remove(line()[1].key));
  while (second.seen(LockEvent::Kind::place_lost) == 0) world.sleep(10ms);
  world.sleep(100ms);
  EXPECT_TRUE(waiting.waits());
  EXPECT_EQ(places(), 2U) << "not only when its poll ends";
}

TEST_F(QueuePlaceTest, NothingIsKeptOfAWaitThatWasGivenUp) {
  Waiter& holder = start(first);
  EXPECT_FALSE(of(second).acquire(within(1s)));
  EXPECT_FALSE(of(second).try_lock());
  world.sleep(1s);
  holder.release();
  // In that process the name is free for another kind; in the store it is, as soon as nobody has it.
  EXPECT_THAT(second.locks->shared_mutex("a").acquire(), Succeeds());
}

TEST_F(QueuePlaceTest, APlaceThatWasTakenWithoutAnAnswerIsFoundAgain) {  // B1, F8
  first.faults->next(Step::enqueue, lose_answer());
  Waiter& waiting = start(first);
  world.sleep(6s);
  EXPECT_TRUE(waiting.granted());
  EXPECT_EQ(first.faults->count(Step::enqueue), 1);
  EXPECT_EQ(places(), 1U);
  world.sleep(1min);
  EXPECT_TRUE(waiting.granted()) << "and it is renewed";
}

TEST_F(QueuePlaceTest, APlaceThatIsFoundWhenItsLeaseIsOverIsGivenUp) {  // B9
  Member& hasty = world.add({.ttl = 3s, .request_timeout = 5s});
  hasty.faults->next(Step::enqueue, lose_answer());
  Waiter& waiting = start(hasty);
  world.sleep(8s);
  ASSERT_TRUE(waiting.granted());
  EXPECT_GT((*waiting.hold)->expires_at(), world.runtime->now());
  EXPECT_EQ(places(), 1U);
}

TEST_F(QueuePlaceTest, ALeaseCountsFromTheRequestThatTookThePlace) {  // law 1
  first.faults->next(Step::enqueue, delay_answer(4s));
  AcquireOptions options;
  options.auto_renew = false;
  const TimePoint sent = world.runtime->now();
  const Hold hold = of(first).acquire(options).value();
  EXPECT_EQ(hold.expires_at(), sent + usable);
}

TEST_F(QueuePlaceTest, WhoFindsItsPlaceGoneWhenItIsItsTurnLinesUpAgain) {  // F2
  Waiter& holder = start(first);
  Waiter& waiting = start(second);
  ASSERT_TRUE(world.client().remove(line()[1].key));
  holder.release();
  world.sleep(1s);
  EXPECT_TRUE(waiting.granted());
  EXPECT_EQ(second.seen(LockEvent::Kind::place_lost), 1);
  EXPECT_EQ(places(), 1U);
}

TEST_F(QueuePlaceTest, APlaceThatComesLateIsRemoved) {  // B2, B4, F8
  first.faults->next(Step::enqueue, arrive_late(8s));
  Waiter& waiting = start(first);
  world.sleep(7s);
  EXPECT_TRUE(waiting.granted());
  EXPECT_EQ(places(), 1U);
  world.sleep(8s);
  EXPECT_EQ(places(), 1U) << "the late one was removed";
  EXPECT_TRUE(waiting.granted());
}

TEST_F(QueuePlaceTest, WhoGivesUpBeforeItKnowsItsPlaceLeavesNone) {  // B6
  first.faults->next(Step::enqueue, arrive_late(6s));
  EXPECT_FALSE(of(first).acquire(within(2s)));
  world.sleep(20s);
  EXPECT_EQ(places(), 0U);
}

TEST_F(QueuePlaceTest, ACopyOfTheRequestThatTookThePlaceIsRemoved) {  // F8
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

TEST_F(QueuePlaceTest, AReleaseBetweenTheListAndTheWatchIsNotMissed) {  // C1, F6
  Waiter& holder = start(first);
  second.faults->before(Step::wait, [&] { holder.release(); });
  Waiter& waiting = start(second);
  world.sleep(100ms);
  EXPECT_TRUE(waiting.granted());
}

TEST_F(QueuePlaceTest, AWatchThatTheStoreForgetsCostsNoMoreThanAPoll) {  // C10
  Waiter& holder = start(first);
  second.faults->next(Step::wait, {.kind = Fault::Kind::forget});
  Waiter& waiting = start(second);
  holder.release();
  world.sleep(5s);
  EXPECT_TRUE(waiting.granted());
}

TEST_F(QueuePlaceTest, AHistoryThatIsGoneIsReplacedByALook) {  // C4, C5
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

}  // namespace
}  // namespace deimos::lock_test

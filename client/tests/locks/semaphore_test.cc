// The semaphore: never more permits than there are, none lost, and nobody overtakes.
#include <string>
#include <vector>

#include "locks/lock_world.h"

namespace deimos::lock_test {
namespace {

class SemaphoreTest : public ::testing::Test {
 protected:
  struct Owner {
    std::optional<Result<Hold>> hold = {};
    std::stop_source cancel = {};
    std::unique_ptr<Task> task = {};

    ~Owner() { cancel.request_stop(); }
    [[nodiscard]] bool in() const { return hold && hold->has_value() && (*hold)->is_held(); }
    void release() { ASSERT_THAT((*hold)->release(), Succeeds()); }
  };
  Owner& start(Member& member, int permits = 1, AcquireOptions options = {}, int limit = 3) {
    Owner& owner = *owners_.emplace_back(std::make_unique<Owner>());
    owner.task = world.spawn("owner", [&member, &owner, permits, options, limit] {
      owner.hold = member.locks->semaphore("a", {.permits = limit}).acquire(permits, options, owner.cancel.get_token());
    });
    world.sleep(50ms);
    return owner;
  }
  void settle() { world.sleep(200ms); }
  [[nodiscard]] std::size_t places() { return first.locks->line("a")->size(); }

  World world;
  Member& first = world.add();
  Member& second = world.add();
  Member& third = world.add();

 private:
  std::vector<std::unique_ptr<Owner>> owners_;
};

TEST_F(SemaphoreTest, AsManyAreInAsThereArePermits) {
  Owner& one = start(first);
  Owner& two = start(second);
  Owner& three = start(second);
  EXPECT_TRUE(one.in() && two.in() && three.in());
  Owner& four = start(third);
  Owner& five = start(first);
  EXPECT_FALSE(four.in() || five.in());
  two.release();
  settle();
  EXPECT_TRUE(four.in());
  EXPECT_FALSE(five.in());
  one.release();
  settle();
  EXPECT_TRUE(five.in());
}

TEST_F(SemaphoreTest, OneTaskMayHaveSeveralHolds) {
  const Semaphore semaphore = first.locks->semaphore("a", {.permits = 2});
  const Hold one = semaphore.acquire().value();
  const Hold two = semaphore.acquire().value();
  EXPECT_NE(one.fencing_token(), two.fencing_token());
  EXPECT_THAT(semaphore.acquire(1, once()), FailsWith(errc::lock_already_held));
}

TEST_F(SemaphoreTest, SeveralPermitsAtOnceAreHadTogetherOrNotAtAll) {
  Owner& two = start(first, 2);
  Owner& both = start(second, 2);
  EXPECT_TRUE(two.in());
  EXPECT_FALSE(both.in()) << "one is free, and it wants two";
  Owner& one = start(third, 1);
  EXPECT_FALSE(one.in()) << "it would fit, but nobody overtakes: who wants many would never get them";
  two.release();
  settle();
  EXPECT_TRUE(both.in());
  EXPECT_TRUE(one.in());
}

TEST_F(SemaphoreTest, EveryoneBehindHearsOfEveryTurn) {  // LV
  std::vector<Owner*> owners;
  for (int i = 0; i < 12; ++i) owners.push_back(&start(i % 2 == 0 ? first : second));
  for (int i = 0; i < 9; ++i) {
    owners[static_cast<std::size_t>(i)]->release();
    settle();
    EXPECT_TRUE(owners[static_cast<std::size_t>(i) + 3]->in()) << i;
  }
}

TEST_F(SemaphoreTest, AWaiterBehindTheFirstLearnsThatItHasBecomeTheFirst) {  // LV
  Owner& one = start(first, 2);
  Owner& two = start(first, 1);
  Member& fourth = world.add();
  Owner& head = start(second);
  Owner& behind = start(third);
  Owner& last = start(fourth);
  two.release();
  settle();
  ASSERT_TRUE(head.in());
  const TimePoint released = world.runtime->now();
  one.release();  // The one behind waited for the head, which is in, and stays.
  while (!behind.in() || !last.in()) world.sleep(10ms);
  EXPECT_LE(world.since(released), 100ms) << "not only when it looks for itself";
}

TEST_F(SemaphoreTest, WhoWaitsCostsLittleWhileOthersAreRenewed) {  // RQ
  start(first, 2);
  start(second, 1);
  start(third, 1);
  const int looks = third.faults->count(Step::places);
  world.sleep(2min);
  EXPECT_LE(third.faults->count(Step::places) - looks, 2 * 60 / 30 + 1);
}

TEST_F(SemaphoreTest, CostsThreeRequestsOnceTheLimitIsWritten) {  // RQ
  { const Hold hold = first.locks->semaphore("a", {.permits = 3}).acquire().value(); }
  const int before = first.faults->total();
  { const Hold hold = first.locks->semaphore("a", {.permits = 3}).acquire().value(); }
  EXPECT_EQ(first.faults->total() - before, 3);
  EXPECT_EQ(places(), 0U);
}

TEST_F(SemaphoreTest, WhatADeadHolderHadIsFreeAgain) {  // G12
  start(first, 3);
  first.faults->black_hole();
  Owner& waiting = start(second, 3);
  world.sleep(12s);
  EXPECT_TRUE(waiting.in());
}

TEST_F(SemaphoreTest, WhatADeadHolderHadIsFreeAgainAlsoIfNothingSweeps) {  // law 11
  World slow({.sweep_interval = 1h});
  Member& gone = slow.add({.ttl = 5s});
  Member& steady = slow.add();
  Member& other = slow.add();
  const auto lost = gone.locks->semaphore("a", {.permits = 2}).acquire();
  const auto kept = steady.locks->semaphore("a", {.permits = 2}).acquire();
  gone.faults->black_hole();
  EXPECT_THAT(other.locks->semaphore("a", {.permits = 2}).acquire(1, within(8s)), Succeeds());
  EXPECT_TRUE(kept->is_held());
}

TEST_F(SemaphoreTest, WhoGivesUpLeavesNoPermitBehind) {  // G12, B6
  Owner& all = start(first, 3);
  Owner& impatient = start(second, 1, within(2s));
  Owner& cancelled = start(second, 1);
  cancelled.cancel.request_stop();
  world.sleep(3s);
  EXPECT_THAT(*impatient.hold, FailsWith(errc::lock_timeout));
  EXPECT_THAT(*cancelled.hold, FailsWith(errc::cancelled));
  EXPECT_EQ(places(), 1U);
  all.release();
  EXPECT_TRUE(start(third, 3).in());
}

TEST_F(SemaphoreTest, DisagreementAboutTheNumberIsAnError) {  // G12
  const Owner& one = start(first, 1);
  const Owner& wrong = start(second, 1, {}, 5);
  EXPECT_THAT(*wrong.hold, FailsWith(errc::lock_kind_differs));
  EXPECT_THAT(wrong.hold->error().message, ::testing::HasSubstr("has 3 permits, not 5"));
  EXPECT_EQ(places(), 1U);
  EXPECT_TRUE(one.in());
}

TEST_F(SemaphoreTest, TwoWhoComeFirstAtOnceAgree) {
  Owner* other = nullptr;
  first.faults->before(Step::set_permanent, [&] { other = &start(second, 1, {}, 5); });
  const Owner& one = start(first, 1, {}, 3);
  ASSERT_NE(other, nullptr);
  EXPECT_TRUE(other->in());
  EXPECT_THAT(*one.hold, FailsWith(errc::lock_kind_differs)) << "whoever wrote it first";
}

TEST_F(SemaphoreTest, ItIsResizedLive) {  // G13
  start(first, 3);
  Owner& waiting = start(second, 2);
  Owner& behind = start(second, 1);
  EXPECT_FALSE(waiting.in());
  const TimePoint resized = world.runtime->now();
  ASSERT_THAT(third.locks->semaphore("a", {.permits = 3}).resize(5), Succeeds());
  while (!waiting.in()) world.sleep(10ms);
  EXPECT_LE(world.since(resized), 100ms) << "who waits hears of it";
  settle();
  EXPECT_FALSE(behind.in());
  ASSERT_THAT(third.locks->semaphore("a", {.permits = 3}).resize(6), Succeeds());
  settle();
  EXPECT_TRUE(behind.in());
  EXPECT_THAT(third.locks->semaphore("a", {.permits = 9}).acquire(1, once()), FailsWith(errc::lock_already_held))
      << "what was said by hand counts, whatever the code says";
}

TEST_F(SemaphoreTest, WithFewerPermitsHoldersStayAndOthersWait) {
  Owner& two = start(first, 2);
  Owner& one = start(second, 1);
  Owner& waiting = start(third, 1);
  ASSERT_THAT(third.locks->semaphore("a", {.permits = 3}).resize(1), Succeeds());
  settle();
  EXPECT_TRUE(two.in() && one.in());
  two.release();
  settle();
  EXPECT_FALSE(waiting.in()) << "one is taken, and there is one";
  one.release();
  settle();
  EXPECT_TRUE(waiting.in());
  EXPECT_THAT(third.locks->semaphore("a", {.permits = 3}).acquire(2, within(1s)), FailsWith(errc::invalid_argument));
}

TEST_F(SemaphoreTest, BadNumbersAreRefusedBeforeAnythingIsSent) {
  for (const int permits : {0, -1, 1'000'000'001}) {
    EXPECT_THAT(first.locks->semaphore("a", {.permits = permits}).acquire(), FailsWith(errc::invalid_argument));
    EXPECT_THAT(first.locks->semaphore("b", {.permits = 3}).acquire(permits), FailsWith(errc::invalid_argument));
    EXPECT_THAT(first.locks->semaphore("b", {.permits = 3}).resize(permits), FailsWith(errc::invalid_argument));
  }
  EXPECT_EQ(first.faults->total(), 0);
  EXPECT_THAT(first.locks->semaphore("b", {.permits = 3}).acquire(4), FailsWith(errc::invalid_argument));
  EXPECT_EQ(first.locks->line("b")->size(), 0U);
}

TEST_F(SemaphoreTest, TheLineSaysWhoHasHowMany) {
  start(first, 2);
  start(second, 2);
  const auto line = third.locks->line("a").value();
  ASSERT_EQ(line.size(), 2U);
  EXPECT_EQ(line[0].permits, 2);
  EXPECT_EQ(line[0].kind, LockKind::semaphore);
  EXPECT_FALSE(line[0].waiting);
  EXPECT_TRUE(line[1].waiting);
}

TEST_F(SemaphoreTest, AResizeOfSomethingElseIsRefused) {
  const Hold shared = first.locks->shared_mutex("s").acquire().value();
  EXPECT_THAT(second.locks->semaphore("s", {.permits = 1}).resize(3), FailsWith(errc::lock_kind_differs));
  const Hold plain = first.locks->mutex("p").acquire().value();
  EXPECT_THAT(second.locks->semaphore("p", {.permits = 1}).resize(3), FailsWith(errc::not_a_directory));
}

}  // namespace
}  // namespace deimos::lock_test

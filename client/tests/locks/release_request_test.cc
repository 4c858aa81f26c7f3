// Asking a holder to let go: who is told, of what, and who is not.
#include <optional>
#include <string>
#include <vector>

#include "locks/lock_world.h"
#include "locks/session/release_requests.h"

namespace deimos::lock_test {
namespace {

using ::testing::HasSubstr;

class ReleaseRequestTest : public ::testing::Test {
 protected:
  /// Until what is under way has arrived.
  void settle() { world.sleep(300ms); }
  Result<bool> ask(const std::string& name, const std::string& reason = "maintenance", Duration within = 20s) {
    Result<bool> asked = admin.locks->ask_to_release(name, {.reason = reason, .within = within});
    settle();
    return asked;
  }

  World world;
  Member& alice = world.add({.ttl = 10s, .owner = "alice"});
  Member& bob = world.add({.ttl = 10s, .owner = "bob"});
  Member& admin = world.add();
};

TEST_F(ReleaseRequestTest, TellsTheHolderWhyAndUntilWhen) {
  const Hold hold = alice.locks->mutex("a/b").acquire().value();
  const std::stop_token asked = hold.asked_to_release();
  settle();
  EXPECT_FALSE(asked.stop_requested());
  EXPECT_FALSE(hold.release_request());
  EXPECT_TRUE(ask("a/b").value());
  EXPECT_TRUE(asked.stop_requested());
  const std::optional<ReleaseRequest> request = hold.release_request();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->reason, "maintenance");
  EXPECT_GE(request->by, world.runtime->now() + 18s);
  EXPECT_LE(request->by, world.runtime->now() + 21s);
  EXPECT_TRUE(hold.is_held()) << "it is a request";
  EXPECT_FALSE(hold.lost().stop_requested());
}

TEST_F(ReleaseRequestTest, IsHeardByWhoListensLater) {
  const Hold hold = alice.locks->mutex("a").acquire().value();
  ASSERT_TRUE(ask("a").value());
  EXPECT_FALSE(hold.release_request()) << "nobody has listened so far";
  const std::stop_token asked = hold.asked_to_release();
  settle();
  EXPECT_TRUE(asked.stop_requested());
}

TEST_F(ReleaseRequestTest, IsNotForWhoComesLater) {
  std::optional<Hold> first = alice.locks->mutex("a").acquire().value();
  const std::stop_token asked = first->asked_to_release();
  ASSERT_TRUE(ask("a").value());
  ASSERT_TRUE(asked.stop_requested());
  first.reset();
  const Hold again = alice.locks->mutex("a").acquire().value();
  const Hold other = alice.locks->mutex("b").acquire().value();
  settle();
  EXPECT_FALSE(again.asked_to_release().stop_requested());
  EXPECT_FALSE(other.asked_to_release().stop_requested());
}

TEST_F(ReleaseRequestTest, IsNotForWhoWaitsInTheQueue) {
  const MutexOptions fair{.fairness = Fairness::fair};
  std::optional<Hold> first = alice.locks->mutex("a", fair).acquire().value();
  std::optional<Hold> second;
  const auto waiting = world.spawn("bob", [&] { second = bob.locks->mutex("a", fair).acquire().value(); });
  world.sleep(8s);  // The holder's place is renewed: its revision is beyond the waiter's.
  const std::stop_token asked = first->asked_to_release();
  ASSERT_TRUE(ask("a").value());
  EXPECT_TRUE(asked.stop_requested());
  first.reset();
  settle();
  ASSERT_TRUE(second);
  const std::stop_token second_asked = second->asked_to_release();
  settle();
  EXPECT_FALSE(second_asked.stop_requested());
}

TEST_F(ReleaseRequestTest, IsForAllWhoShareTheLock) {
  const Hold first = alice.locks->shared_mutex("a").acquire_shared().value();
  const Hold second = bob.locks->shared_mutex("a").acquire_shared().value();
  const std::stop_token one = first.asked_to_release();
  const std::stop_token two = second.asked_to_release();
  ASSERT_TRUE(ask("a").value());
  EXPECT_TRUE(one.stop_requested());
  EXPECT_TRUE(two.stop_requested());
}

TEST_F(ReleaseRequestTest, IsForWhoTookTheLockOverFromADeadHolder) {
  World unswept({.sweep_interval = 1h});  // The record of the dead holder stays, and is written over.
  Member& dead = unswept.add({.ttl = 2s});
  Member& heir = unswept.add();
  const Hold lost = dead.locks->mutex("a").acquire().value();
  dead.faults->black_hole();
  const Hold hold = heir.locks->mutex("a").acquire().value();
  ASSERT_EQ(heir.faults->count(Step::take_over), 1);
  const std::stop_token asked = hold.asked_to_release();
  ASSERT_TRUE(heir.locks->ask_to_release("a").value());
  unswept.sleep(300ms);
  EXPECT_TRUE(asked.stop_requested());
}

TEST_F(ReleaseRequestTest, ReachesAHolderWhoseGrantWasAnsweredAfterIt) {
  const Hold other = alice.locks->mutex("other").acquire().value();
  const std::stop_token listening = other.asked_to_release();
  settle();
  alice.faults->next(Step::acquire, delay_answer(3s));
  std::optional<Hold> hold;
  const auto acquiring = world.spawn("alice", [&] { hold = alice.locks->mutex("a").acquire().value(); });
  settle();
  ASSERT_TRUE(ask("a").value());
  world.sleep(4s);
  ASSERT_TRUE(hold);
  EXPECT_TRUE(hold->asked_to_release().stop_requested());
  EXPECT_FALSE(listening.stop_requested());
}

TEST_F(ReleaseRequestTest, ThatIsOverDoesNotReachAGrantThatIsAnsweredAfterIt) {
  const Hold other = alice.locks->mutex("other").acquire().value();
  const std::stop_token listening = other.asked_to_release();
  settle();
  alice.faults->next(Step::acquire, delay_answer(4s));
  std::optional<Hold> hold;
  const auto acquiring = world.spawn("alice", [&] { hold = alice.locks->mutex("a").acquire().value(); });
  settle();
  ASSERT_TRUE(ask("a", "soon", 1s).value());
  world.sleep(5s);
  ASSERT_TRUE(hold);
  EXPECT_FALSE(hold->asked_to_release().stop_requested());
  EXPECT_FALSE(listening.stop_requested());
}

TEST_F(ReleaseRequestTest, EndsWhenItsTimeIsUp) {
  const Hold hold = alice.locks->mutex("a").acquire().value();
  ASSERT_TRUE(ask("a", "now", 1s).value());
  world.sleep(5s);
  const std::stop_token asked = hold.asked_to_release();
  settle();
  EXPECT_FALSE(asked.stop_requested());
}

TEST_F(ReleaseRequestTest, TheLatestIsTold) {
  const Hold hold = alice.locks->mutex("a").acquire().value();
  const std::stop_token asked = hold.asked_to_release();
  ASSERT_TRUE(ask("a", "first").value());
  ASSERT_TRUE(ask("a", "second", 60s).value());
  EXPECT_EQ(hold.release_request()->reason, "second");
  world.sleep(40s);  // The directory is read again, and the first has expired.
  EXPECT_EQ(hold.release_request()->reason, "second");
  EXPECT_EQ(alice.seen(LockEvent::Kind::asked_to_release), 2) << "each once, however often it is read";
}

TEST_F(ReleaseRequestTest, SaysWhenNobodyHoldsTheLock) {
  EXPECT_FALSE(ask("a").value());
  { const Hold hold = alice.locks->mutex("a").acquire().value(); }
  EXPECT_FALSE(ask("a").value());
}

TEST_F(ReleaseRequestTest, IsAnEvent) {
  const Hold hold = alice.locks->mutex("a").acquire().value();
  (void)hold.asked_to_release();
  ASSERT_TRUE(ask("a").value());
  EXPECT_EQ(alice.seen(LockEvent::Kind::asked_to_release), 1);
}

TEST_F(ReleaseRequestTest, OneWatchServesAllLocksOfAManager) {
  std::vector<Hold> holds;
  for (int i = 0; i < 50; ++i) holds.push_back(alice.locks->mutex("a" + std::to_string(i)).acquire().value());
  for (const Hold& hold : holds) (void)hold.asked_to_release();
  settle();
  EXPECT_EQ(alice.faults->count(Step::wait_any), 1);
  EXPECT_EQ(alice.faults->count(Step::list), 1);
}

TEST_F(ReleaseRequestTest, SeesNoLockInItself) {
  const Hold hold = alice.locks->mutex("a").acquire().value();
  ASSERT_TRUE(ask("a").value());
  EXPECT_EQ(admin.locks->list()->size(), 1U);
}

TEST_F(ReleaseRequestTest, IsRefusedIfItSaysNothingThatCanBeKept) {
  const Hold hold = alice.locks->mutex("a").acquire().value();
  const auto message = [&](const ReleaseDemand& demand) {
    const Result<bool> asked = admin.locks->ask_to_release("a", demand);
    if (asked) return std::string("asked");
    EXPECT_EQ(asked.error().code, errc::invalid_argument);
    return asked.error().message;
  };
  EXPECT_THAT(message({.within = 999ms}), HasSubstr("within must be from 1s to 10 years, but is 999ms"));
  EXPECT_THAT(message({.reason = std::string(1001, 'x')}), HasSubstr("1001 bytes"));
  EXPECT_THAT(message({.reason = "two\nlines"}), HasSubstr("not printable"));
  EXPECT_EQ(admin.locks->ask_to_release("_a").error().code, errc::invalid_key);
  EXPECT_EQ(message({.reason = std::string(1000, 'x'), .within = 1s}), "asked");
}

TEST_F(ReleaseRequestTest, WhatIsNoRequestAsksNobody) {
  const Hold hold = alice.locks->mutex("a").acquire().value();
  const std::stop_token asked = hold.asked_to_release();
  settle();
  const std::string far = std::to_string(hold.fencing_token() + 100);
  for (const std::string& text :
       {std::string("release"), std::string("release  9;now"), "release " + far + ";now", "release " + far + " 9",
        "release -" + far + " 9;now", "RELEASE " + far + " 9;now", "release " + far + " -1;now",
        "release " + far + " 99999999999;now", std::string("release 99999999999999999999999 9;now")}) {
    ASSERT_TRUE(admin.faults->enqueue("/locks/_asked/a", text, 20s, {world.runtime->now() + 5s}));
  }
  ASSERT_TRUE(
      admin.faults->enqueue("/locks/_asked/a%2", "release " + far + " 9;now", 20s, {world.runtime->now() + 5s}));
  settle();
  EXPECT_FALSE(asked.stop_requested());
  ASSERT_TRUE(admin.faults->enqueue("/locks/_asked/a", "release " + far + " 9;now", 20s, {world.runtime->now() + 5s}));
  settle();
  EXPECT_TRUE(asked.stop_requested());
}

TEST_F(ReleaseRequestTest, ASlowHolderDelaysNobody) {
  const Hold first = alice.locks->mutex("a").acquire().value();
  const Hold second = alice.locks->mutex("b").acquire().value();
  const std::stop_callback slow(first.asked_to_release(), [&] { world.sleep(60s); });
  const std::stop_token other = second.asked_to_release();
  ASSERT_TRUE(ask("a").value());
  ASSERT_TRUE(ask("b").value());
  EXPECT_TRUE(other.stop_requested());
  world.sleep(30s);
  EXPECT_TRUE(first.is_held()) << "and it is renewed";
  world.sleep(31s);  // A stop_callback must not go while it runs.
}

}  // namespace
}  // namespace deimos::lock_test

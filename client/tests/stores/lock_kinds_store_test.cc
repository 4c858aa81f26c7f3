// Every kind of lock, on every store: what it is for, between processes that know nothing of each other.
#include <atomic>
#include <future>
#include <optional>
#include <shared_mutex>
#include <thread>

#include "stores/store_suite.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LockKindsOnStore : public StoreSuite {};
INSTANTIATE_TEST_SUITE_P(Stores, LockKindsOnStore, ::testing::ValuesIn(store_kinds()), store_name);

TEST_P(LockKindsOnStore, MutexHasOneHolderAndGrowingTokens) {
  Member a = member("a");
  Member b = member("b");
  const Mutex mine = a.locks->mutex("jobs/nightly");
  const Mutex theirs = b.locks->mutex("jobs/nightly");

  Result<Hold> held = mine.acquire();
  ASSERT_TRUE(held) << why(held);
  const Result<Hold> refused = theirs.acquire({.wait = 0s});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::lock_already_held) << why(refused);

  const std::uint64_t first = held->fencing_token();
  EXPECT_EQ(held->release().value(), Release::freed);
  const Result<Hold> next = theirs.acquire({.wait = 0s});
  ASSERT_TRUE(next) << why(next);
  EXPECT_GT(next->fencing_token(), first);
}

TEST_P(LockKindsOnStore, WaiterIsWokenByTheRelease) {
  Member a = member("a");
  Member b = member("b", {.poll_interval = 60s});
  Result<Hold> held = a.locks->mutex("m").acquire();
  ASSERT_TRUE(held) << why(held);
  auto waiting = std::async(std::launch::async, [&] { return b.locks->mutex("m").acquire({.wait = 15s}); });
  ASSERT_TRUE(b.events->wait_for(LockEvent::Kind::waiting));
  ASSERT_TRUE(a.events->wait_for(LockEvent::Kind::renewed, 2));  // A while, in which the waiter listens.
  const auto released = std::chrono::steady_clock::now();
  ASSERT_TRUE(held->release());
  const Result<Hold> got = waiting.get();
  ASSERT_TRUE(got) << why(got);
  EXPECT_LT(std::chrono::steady_clock::now() - released, 5s) << "it was not the release that woke it";
}

TEST_P(LockKindsOnStore, NothingIsLeftOfWhatIsGivenBack) {
  {
    Member a = member("a");
    Member b = member("b");
    const Result<Hold> held = a.locks->mutex("m").acquire();
    ASSERT_TRUE(held) << why(held);
    EXPECT_FALSE(b.locks->mutex("m").acquire({.wait = 300ms}));
    if (GetParam().has_queues) {
      const auto fair = a.locks->mutex("f", {.fairness = Fairness::fair});
      const Result<Hold> first = fair.acquire();
      ASSERT_TRUE(first) << why(first);
      EXPECT_FALSE(b.locks->mutex("f", {.fairness = Fairness::fair}).acquire({.wait = 300ms}));
      EXPECT_TRUE(b.locks->election("e").campaign("b"));
    }
  }
  EXPECT_THAT(keys_left(), IsEmpty());
}

TEST_P(LockKindsOnStore, RenewalsKeepALockForLongerThanItsLease) {
  Member a = member("a", {.ttl = 2s});
  Member b = member("b");
  const Result<Hold> held = a.locks->mutex("m").acquire();
  ASSERT_TRUE(held) << why(held);
  const TimePoint granted_until = held->expires_at();
  while (a.connection.runtime->now() < granted_until + 2s) {
    ASSERT_TRUE(a.events->wait_for(LockEvent::Kind::renewed, a.events->count(LockEvent::Kind::renewed) + 1));
    ASSERT_TRUE(held->is_held());
    EXPECT_FALSE(b.locks->mutex("m").acquire({.wait = 0s}));
  }
  EXPECT_TRUE(held->renew());
}

TEST_P(LockKindsOnStore, FairMutexServesInOrder) {
  if (!GetParam().has_queues) GTEST_SKIP() << "no queues";
  std::vector<Member> members;
  for (const char* name : {"a", "b", "c", "d"}) members.push_back(member(name));
  std::vector<std::string> order;
  std::mutex mutex;
  const auto lock_of = [](Member& who) { return who.locks->mutex("fair", {.fairness = Fairness::fair}); };
  std::optional<Hold> held(lock_of(members[0]).acquire().value());
  std::vector<std::future<void>> waiting;
  for (std::size_t i = 1; i < members.size(); ++i) {
    waiting.push_back(std::async(std::launch::async, [&, i] {
      const Result<Hold> hold = lock_of(members[i]).acquire({.wait = 20s});
      ASSERT_TRUE(hold) << why(hold);
      const std::scoped_lock lock(mutex);
      order.push_back(std::string(1, static_cast<char>('a' + i)));
    }));
    ASSERT_TRUE(has_line(members[0], "fair", i + 1)) << "its place is there before the next one asks";
  }
  held.reset();
  for (auto& each : waiting) each.get();
  EXPECT_THAT(order, ElementsAre("b", "c", "d"));
}

TEST_P(LockKindsOnStore, ReadersShareAndWritersDoNot) {
  if (!GetParam().has_queues) GTEST_SKIP() << "no queues";
  Member a = member("a");
  Member b = member("b");
  const SharedMutex mine = a.locks->shared_mutex("s");
  const SharedMutex theirs = b.locks->shared_mutex("s");
  Result<Hold> reading = mine.acquire_shared();
  ASSERT_TRUE(reading) << why(reading);
  Result<Hold> also = theirs.acquire_shared({.wait = 5s});
  ASSERT_TRUE(also) << why(also);
  EXPECT_FALSE(theirs.acquire({.wait = 0s, .owner = 7}));
  ASSERT_TRUE(reading->release());
  ASSERT_TRUE(also->release());
  Result<Hold> writing = theirs.acquire({.wait = 5s});
  ASSERT_TRUE(writing) << why(writing);
  EXPECT_FALSE(mine.acquire_shared({.wait = 0s}));
  // Whoever only reads from now on lets readers in, of whom one waits already.
  auto waiting = std::async(std::launch::async, [&] { return mine.acquire_shared({.wait = 15s}); });
  ASSERT_TRUE(has_line(b, "s", 2));
  const Result<void> downgraded = writing->downgrade();
  ASSERT_TRUE(downgraded) << why(downgraded);
  const Result<Hold> let_in = waiting.get();
  EXPECT_TRUE(let_in) << why(let_in);
  EXPECT_TRUE(writing->is_held());
}

TEST_P(LockKindsOnStore, SemaphoreHasSoManyPermits) {
  if (!GetParam().has_queues) GTEST_SKIP() << "no queues";
  Member a = member("a");
  Member b = member("b");
  const Semaphore mine = a.locks->semaphore("pool", {.permits = 3});
  const Semaphore theirs = b.locks->semaphore("pool", {.permits = 3});
  Result<Hold> two = mine.acquire(2);
  ASSERT_TRUE(two) << why(two);
  EXPECT_FALSE(theirs.acquire(2, {.wait = 0s}));
  const Result<Hold> one = theirs.acquire(1, {.wait = 5s});
  ASSERT_TRUE(one) << why(one);
  auto waiting = std::async(std::launch::async, [&] { return theirs.acquire(2, {.wait = 15s, .owner = 9}); });
  ASSERT_TRUE(has_line(b, "pool", 3));
  const Result<void> resized = mine.resize(5);
  ASSERT_TRUE(resized) << why(resized);
  const Result<Hold> more = waiting.get();
  EXPECT_TRUE(more) << why(more);
  EXPECT_EQ(mine.line().value().size(), 3U);
}

TEST_P(LockKindsOnStore, ElectionHasOneLeaderWhomAllCanHear) {
  if (!GetParam().has_queues) GTEST_SKIP() << "no queues";
  Member a = member("a");
  Member b = member("b");
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> heard;
  std::jthread observer([&](const std::stop_token& stop) {
    (void)b.locks->election("boss").observe(
        [&](const std::optional<Leader>& leader) {
          const std::scoped_lock lock(mutex);
          heard.push_back(leader ? leader->owner + ":" + leader->message : "nobody");
          changed.notify_all();
        },
        stop);
  });
  const auto wait_until_heard = [&](const std::string& text) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s, [&] { return !heard.empty() && heard.back() == text; });
  };
  ASSERT_TRUE(wait_until_heard("nobody"));
  Result<Leadership> leading = a.locks->election("boss").campaign("here");
  ASSERT_TRUE(leading) << why(leading);
  EXPECT_TRUE(wait_until_heard("a:here"));
  const Result<void> said = leading->proclaim("moved");
  ASSERT_TRUE(said) << why(said);
  EXPECT_TRUE(wait_until_heard("a:moved"));
  EXPECT_TRUE(leading->is_leader());
  auto next = std::async(std::launch::async, [&] { return b.locks->election("boss").campaign("me", {.wait = 15s}); });
  ASSERT_TRUE(has_line(a, "boss", 2));
  const std::uint64_t token = leading->fencing_token();
  ASSERT_TRUE(leading->resign());
  const Result<Leadership> successor = next.get();
  ASSERT_TRUE(successor) << why(successor);
  EXPECT_GT(successor->fencing_token(), token);
  EXPECT_TRUE(wait_until_heard("b:me"));
}

TEST_P(LockKindsOnStore, KindsOfOneNameRefuseEachOther) {
  if (!GetParam().has_queues) GTEST_SKIP() << "no queues";
  Member a = member("a");
  Member b = member("b");
  const Result<Hold> plain = a.locks->mutex("x").acquire();
  const Result<Hold> fair = a.locks->mutex("y", {.fairness = Fairness::fair}).acquire();
  ASSERT_TRUE(plain && fair) << why(plain) << why(fair);
  const auto code = [](const auto& result) { return result ? std::error_code() : result.error().code; };
  EXPECT_EQ(code(b.locks->shared_mutex("x").acquire({.wait = 1s})), errc::not_a_directory);
  EXPECT_EQ(code(b.locks->mutex("y").acquire({.wait = 1s})), errc::not_a_file);
  EXPECT_EQ(code(b.locks->election("y").campaign("b", {.wait = 1s})), errc::lock_kind_differs);
  EXPECT_EQ(code(b.locks->mutex("x/below").acquire({.wait = 1s})), errc::not_a_directory);
  EXPECT_TRUE(plain->is_held());
  EXPECT_TRUE(fair->is_held());
}

TEST_P(LockKindsOnStore, WhoHoldsAndWaitsCanBeSeen) {
  Member a = member("ann");
  Member b = member("bob");
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> seen;
  std::jthread observer([&](const std::stop_token& stop) {
    (void)b.locks->observe(
        [&](const LockChange& change) {
          const std::scoped_lock lock(mutex);
          seen.push_back(std::string(to_string(change.kind)) + " " + change.lock.name + " " + change.lock.owner);
          changed.notify_all();
        },
        stop);
  });
  Result<Hold> held = a.locks->mutex("m").acquire();
  ASSERT_TRUE(held) << why(held);
  const auto info = b.locks->info("m");
  ASSERT_TRUE(info) << why(info);
  ASSERT_TRUE(*info);
  EXPECT_EQ((*info)->owner, "ann");
  EXPECT_EQ((*info)->created_revision, held->fencing_token());
  EXPECT_FALSE((*info)->held_here);
  EXPECT_TRUE(a.locks->info("m").value()->held_here);
  EXPECT_EQ(b.locks->is_locked("nobody's").value(), false);
  EXPECT_EQ(b.locks->list().value().size(), 1U);
  const auto wait_until_seen = [&](const std::string& text) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s, [&] { return std::count(seen.begin(), seen.end(), text) > 0; });
  };
  EXPECT_TRUE(wait_until_seen("acquired m ann"));
  ASSERT_TRUE(held->release());
  EXPECT_TRUE(wait_until_seen("released m ann"));
}

TEST_P(LockKindsOnStore, ForceUnlockIsToldToTheHolder) {
  Member a = member("a");
  Member b = member("b");
  const Result<Hold> held = a.locks->mutex("m").acquire();
  const Result<Hold> other = a.locks->mutex("other").acquire();  // Goes on, on the same lease perhaps.
  ASSERT_TRUE(held && other) << why(held) << why(other);
  EXPECT_EQ(b.locks->force_unlock("m").value(), true);
  EXPECT_EQ(b.locks->force_unlock("m").value(), false);
  const Result<Hold> next = b.locks->mutex("m").acquire({.wait = 0s});
  ASSERT_TRUE(next) << why(next);
  ASSERT_TRUE(a.events->wait_for(LockEvent::Kind::lost));
  EXPECT_TRUE(held->lost().stop_requested());
  EXPECT_TRUE(other->is_held());
  EXPECT_TRUE(next->is_held());
}

TEST_P(LockKindsOnStore, ForceUnlockOfAQueueLetsTheNextIn) {
  if (!GetParam().has_queues) GTEST_SKIP() << "no queues";
  Member a = member("a");
  Member b = member("b");
  const Result<Hold> held = a.locks->mutex("m", {.fairness = Fairness::fair}).acquire();
  ASSERT_TRUE(held) << why(held);
  auto waiting = std::async(std::launch::async,
                            [&] { return b.locks->mutex("m", {.fairness = Fairness::fair}).acquire({.wait = 15s}); });
  ASSERT_TRUE(has_line(a, "m", 2));
  Member admin = member("admin");
  EXPECT_EQ(admin.locks->force_unlock("m").value(), true);
  const Result<Hold> next = waiting.get();
  EXPECT_TRUE(next) << why(next);
  ASSERT_TRUE(a.events->wait_for(LockEvent::Kind::lost));
  EXPECT_FALSE(held->is_held());
}

}  // namespace
}  // namespace deimos

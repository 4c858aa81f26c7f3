// Every kind of lock on a real Redis server, by managers that know nothing of each other but the store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <deimos/lock_manager.h>
#include <deimos/multi_lock.h>
#include <deimos/redis_backend.h>

#include "backends/redis/redis_server.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr MutexOptions fair{.fairness = Fairness::fair};

struct RedisLocks : testing::Test {
  RedisServer server;

  [[nodiscard]] LockManager make_manager(LockOptions options = {.ttl = 10s}) const {
    auto store = std::make_shared<RedisBackend>(RedisOptions{.addresses = {server.address()}});
    return {store, store->runtime(), std::move(options)};
  }
  /// Asked by another thread, which is waiting for it once `queue` has so many places.
  template <typename Ask>
  auto waiting(Ask ask) {
    return std::async(std::launch::async, std::move(ask));
  }
  [[nodiscard]] bool await_places(const std::string& name, int count) const {
    const auto is_so = [&](const std::string& said) { return said == std::to_string(count); };
    return is_so(server.await({"ZCARD", "deimos:queue:/locks/" + name}, is_so));
  }
  LockManager one = make_manager();
  LockManager other = make_manager();
};

TEST_F(RedisLocks, AMutexIsHandedOverAtOnce) {
  auto hold = one.mutex("a").acquire();
  ASSERT_TRUE(hold) << hold.error().describe();
  EXPECT_EQ(other.mutex("a").acquire({.wait = 0s}).error().code, errc::lock_already_held);
  auto next = waiting([&] { return other.mutex("a").acquire(); });
  ASSERT_TRUE(server.await_listeners(1));
  const std::uint64_t before = hold->fencing_token();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(hold->release().value(), Release::freed);
  const auto got = next.get();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s) << "it was woken, and did not find out by looking";
  ASSERT_TRUE(got) << got.error().describe();
  EXPECT_GT(got->fencing_token(), before);
}

TEST_F(RedisLocks, AMutexOfADeadHolderIsFreeWhenItsLeaseIsOver) {
  auto dead = make_manager({.ttl = 2s});
  auto hold = dead.mutex("a").acquire({.auto_renew = false});
  ASSERT_TRUE(hold);
  const auto begin = std::chrono::steady_clock::now();
  const auto next = one.mutex("a").acquire();
  ASSERT_TRUE(next) << next.error().describe();
  EXPECT_FALSE(hold->is_held()) << "it knew before the next one did";
  EXPECT_TRUE(hold->lost().stop_requested());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
}

TEST_F(RedisLocks, AMutexIsRenewedForAsLongAsItIsHeld) {
  auto manager = make_manager({.ttl = 4s});
  auto hold = manager.mutex("a").acquire();
  auto place = manager.mutex("b", fair).acquire();
  ASSERT_TRUE(hold && place);
  const auto refused = one.mutex("a").acquire({.wait = 5s});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::lock_timeout);
  EXPECT_FALSE(one.mutex("b", fair).acquire({.wait = 500ms}));
  EXPECT_TRUE(hold->is_held());
  EXPECT_TRUE(place->is_held());
  EXPECT_EQ(hold->release().value(), Release::freed);
  EXPECT_EQ(place->release().value(), Release::freed);
}

TEST_F(RedisLocks, AFairMutexGoesInTheOrderOfTheQueue) {
  std::vector<LockManager> managers;
  for (int i = 0; i < 4; ++i) managers.push_back(make_manager());
  auto first = one.mutex("a", fair).acquire();
  ASSERT_TRUE(first) << first.error().describe();
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::future<std::uint64_t>> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.push_back(waiting([&, i] {
      auto hold = managers[static_cast<std::size_t>(i)].mutex("a", fair).acquire().value();
      const std::scoped_lock lock(mutex);
      order.push_back(i);
      return hold.fencing_token();
    }));
    ASSERT_TRUE(await_places("a", i + 2));
  }
  EXPECT_THAT(one.line("a").value(), SizeIs(5));
  ASSERT_TRUE(first->release());
  std::uint64_t last = first->fencing_token();
  for (auto& waiter : waiters) {
    const std::uint64_t token = waiter.get();
    EXPECT_GT(token, last);
    last = token;
  }
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3));
  EXPECT_TRUE(await_places("a", 0));
}

TEST_F(RedisLocks, AWaiterThatDiesInTheQueueHoldsUpNobody) {
  auto hold = one.mutex("a", fair).acquire();
  ASSERT_TRUE(hold);
  std::atomic<bool> got = false;
  {
    // As one that is killed: a place that nobody renews.
    RedisBackend dying({.addresses = {server.address()}});
    ASSERT_TRUE(dying.enqueue("/locks/a", "fair;dead", 2s, {dying.runtime()->now() + 5s}));
  }
  auto next = waiting([&] {
    auto mine = other.mutex("a", fair).acquire();
    got = true;
    return mine;
  });
  ASSERT_TRUE(await_places("a", 3));
  ASSERT_TRUE(hold->release());
  EXPECT_TRUE(next.get());
}

TEST_F(RedisLocks, ReadersShareAndWritersDoNot) {
  auto reader = one.shared_mutex("a").acquire_shared();
  auto another = other.shared_mutex("a").acquire_shared({.wait = 0s});
  ASSERT_TRUE(reader && another);
  auto third = make_manager();
  EXPECT_EQ(third.shared_mutex("a").acquire({.wait = 0s}).error().code, errc::lock_already_held);
  auto writer = waiting([&] { return third.shared_mutex("a").acquire(); });
  ASSERT_TRUE(await_places("a", 3));
  ASSERT_TRUE(reader->release());
  ASSERT_TRUE(another->release());
  auto written = writer.get();
  ASSERT_TRUE(written) << written.error().describe();
  EXPECT_GT(written->fencing_token(), another->fencing_token());
  EXPECT_EQ(one.shared_mutex("a").acquire_shared({.wait = 0s}).error().code, errc::lock_already_held);
  auto waits = waiting([&] { return one.shared_mutex("a").acquire_shared({.wait = 10s}); });
  ASSERT_TRUE(await_places("a", 2));
  ASSERT_TRUE(written->downgrade());
  EXPECT_TRUE(waits.get()) << "a writer that only reads any more lets readers in";
}

TEST_F(RedisLocks, ASemaphoreLetsSoManyIn) {
  auto third = make_manager();
  auto two = one.semaphore("a", {.permits = 3}).acquire(2);
  auto single = other.semaphore("a", {.permits = 3}).acquire(1, {.wait = 0s});
  ASSERT_TRUE(two && single);
  EXPECT_EQ(third.semaphore("a", {.permits = 3}).acquire(1, {.wait = 0s}).error().code, errc::lock_already_held);
  EXPECT_EQ(third.semaphore("a", {.permits = 5}).acquire(1).error().code, errc::lock_kind_differs);
  auto next = waiting([&] { return third.semaphore("a", {.permits = 3}).acquire(1); });
  ASSERT_TRUE(await_places("a", 4));  // The limit is one of them.
  ASSERT_TRUE(single->release());
  ASSERT_TRUE(next.get());
  ASSERT_TRUE(one.semaphore("a", {.permits = 3}).resize(4));
  EXPECT_TRUE(other.semaphore("a", {.permits = 3}).acquire(1, {.wait = 5s}));
}

TEST_F(RedisLocks, AnElectionHasOneLeaderWhomAllCanRead) {
  auto leader = one.election("a").campaign("one");
  ASSERT_TRUE(leader) << leader.error().describe();
  EXPECT_EQ(other.election("a").leader().value()->message, "one");
  std::stop_source stop;
  std::mutex mutex;
  std::vector<std::string> seen;
  auto observer = waiting([&] {
    auto watching = make_manager();
    return watching.election("a").observe(
        [&](const std::optional<Leader>& now) {
          const std::scoped_lock lock(mutex);
          seen.push_back(now ? now->message : "nobody");
          if (seen.back() == "two") stop.request_stop();
        },
        stop.get_token());
  });
  ASSERT_TRUE(server.await_listeners(1));
  ASSERT_TRUE(leader->proclaim("one more"));
  EXPECT_EQ(other.election("a").leader().value()->message, "one more");
  auto next = waiting([&] { return other.election("a").campaign("two"); });
  ASSERT_TRUE(await_places("a", 2));
  ASSERT_TRUE(leader->resign());
  auto second = next.get();
  ASSERT_TRUE(second);
  EXPECT_GT(second->fencing_token(), leader->fencing_token());
  EXPECT_EQ(observer.get().error().code, errc::cancelled);
  EXPECT_EQ(seen.front(), "one");
  EXPECT_EQ(seen.back(), "two");
}

TEST_F(RedisLocks, SeveralLocksAreTakenTogether) {
  auto both = MultiLock{one.mutex("a"), one.mutex("b", fair)}.acquire({.wait = 5s});
  ASSERT_TRUE(both) << both.error().describe();
  EXPECT_FALSE(other.mutex("a").acquire({.wait = 0s}));
  EXPECT_FALSE(other.mutex("b", fair).acquire({.wait = 0s}));
}

TEST_F(RedisLocks, KindsOfOneNameRefuseEachOther) {
  auto place = one.mutex("a", fair).acquire();
  ASSERT_TRUE(place);
  EXPECT_EQ(other.mutex("a").acquire().error().code, errc::not_a_file);
  EXPECT_EQ(other.election("a").campaign().error().code, errc::lock_kind_differs);
  auto hold = one.mutex("b").acquire();
  EXPECT_EQ(other.shared_mutex("b").acquire().error().code, errc::not_a_directory);
}

TEST_F(RedisLocks, ALockThatIsTakenAwayIsLost) {
  auto manager = make_manager({.ttl = 2s});
  std::promise<Error> told;
  auto hold = manager.mutex("a").acquire({.on_lost = [&](const Error& why) { told.set_value(why); }});
  auto queued = manager.mutex("b", fair).acquire();
  ASSERT_TRUE(hold && queued);
  EXPECT_TRUE(other.force_unlock("a").value());
  EXPECT_TRUE(other.force_unlock("b").value());
  EXPECT_FALSE(other.force_unlock("none").value());
  EXPECT_TRUE(other.mutex("a").acquire({.wait = 0s}));
  EXPECT_EQ(told.get_future().get().code, errc::lock_not_held);
  EXPECT_EQ(hold->release().error().code, errc::lock_not_held);
}

TEST_F(RedisLocks, AreListedAndObserved) {
  std::mutex mutex;
  std::vector<std::string> seen;
  std::stop_source stop;
  auto observer = waiting([&] {
    auto watching = make_manager();
    return watching.observe(
        [&](const LockChange& change) {
          const std::scoped_lock lock(mutex);
          seen.push_back(std::string(to_string(change.kind)) + ' ' + change.lock.name);
          if (change.lock.name == "last") stop.request_stop();
        },
        stop.get_token());
  });
  ASSERT_TRUE(server.await_listeners(1));
  auto owned = make_manager({.ttl = 10s, .owner = "me"});
  // Quicker than anybody could look: all of it is told.
  for (int i = 0; i < 20; ++i) {
    auto hold = owned.mutex("a").acquire();
    ASSERT_TRUE(hold);
    if (i == 0) {
      const auto listed = other.list().value();
      ASSERT_THAT(listed, SizeIs(1));
      EXPECT_EQ(listed[0].owner, "me");
      EXPECT_EQ(listed[0].name, "a");
    }
    ASSERT_TRUE(hold->release());
  }
  auto last = owned.mutex("last").acquire();
  EXPECT_EQ(observer.get().error().code, errc::cancelled);
  EXPECT_EQ(std::ranges::count(seen, "acquired a"), 20);
  EXPECT_EQ(std::ranges::count(seen, "released a"), 20);
}

TEST_F(RedisLocks, ManyThreadsOfManyManagersExcludeEachOther) {
  constexpr int threads = 6;
  constexpr int rounds = 25;
  std::vector<LockManager> managers;
  for (int i = 0; i < 3; ++i) managers.push_back(make_manager());
  std::array<std::atomic<int>, 2> inside{};
  std::array<std::atomic<std::uint64_t>, 2> highest{};
  std::atomic<int> grants = 0;
  {
    std::vector<std::jthread> all;
    for (int t = 0; t < threads; ++t) {
      all.emplace_back([&, t] {
        for (int i = 0; i < rounds; ++i) {
          const auto which = static_cast<std::size_t>(i % 2);
          LockManager& manager = managers[static_cast<std::size_t>(t % 3)];
          auto hold = which == 0 ? manager.mutex("plain").acquire() : manager.mutex("fair", fair).acquire();
          ASSERT_TRUE(hold) << hold.error().describe();
          EXPECT_EQ(inside[which].fetch_add(1), 0);
          EXPECT_LT(highest[which].exchange(hold->fencing_token()), hold->fencing_token());
          ++grants;
          inside[which].fetch_sub(1);
          EXPECT_EQ(hold->release().value(), Release::freed);
        }
      });
    }
  }
  EXPECT_EQ(grants, threads * rounds);
  for (LockManager& manager : managers) manager.close();
  EXPECT_THAT(one.list().value(), IsEmpty());
  EXPECT_EQ(server.command({"KEYS", "/locks*"}), "");
}

TEST_F(RedisLocks, ManyShareFewConnections) {
  std::vector<Hold> holds;
  for (int i = 0; i < 200; ++i) holds.push_back(one.mutex("lock" + std::to_string(i)).acquire().value());
  const std::string info = server.command({"INFO", "clients"});
  const std::string name = "connected_clients:";
  EXPECT_LE(std::stoi(info.substr(info.find(name) + name.size())), 3);
}

// ---- other clients of Redis ----------------------------------------------------------------------------------------

TEST_F(RedisLocks, WaitForAPlainLockOfAnotherClient) {
  ASSERT_EQ(server.command({"SET", "/locks/a", "foreign", "NX", "PX", "60000"}), "OK");
  EXPECT_EQ(one.mutex("a").acquire({.wait = 0s}).error().code, errc::lock_already_held);
  EXPECT_EQ(one.info("a").value()->owner, "foreign");
  auto next = waiting([&] { return one.mutex("a").acquire(); });
  ASSERT_TRUE(server.await_listeners(1));
  const auto begin = std::chrono::steady_clock::now();
  server.command({"DEL", "/locks/a"});
  auto hold = next.get();
  ASSERT_TRUE(hold) << hold.error().describe();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  EXPECT_EQ(server.command({"SET", "/locks/a", "foreign", "NX", "PX", "60000"}), "(nil)");
  ASSERT_TRUE(hold->release());
  EXPECT_EQ(server.command({"SET", "/locks/a", "foreign", "NX", "PX", "300"}), "OK");
  EXPECT_TRUE(one.mutex("a").acquire()) << "its lease ends";
}

TEST_F(RedisLocks, AHoldWhoseKeyAnotherClientDeletedIsLost) {
  auto manager = make_manager({.ttl = 2s});
  auto hold = manager.mutex("a").acquire();
  ASSERT_TRUE(hold);
  server.command({"DEL", "/locks/a"});
  EXPECT_EQ(hold->renew().error().code, errc::lock_not_held);
  EXPECT_FALSE(hold->is_held());
}

}  // namespace
}  // namespace deimos

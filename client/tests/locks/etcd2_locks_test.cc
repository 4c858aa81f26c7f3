// Every kind of lock over the v2 API of etcd, in real time.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include <deimos/lock_manager.h>

#include "servers/etcd2_store.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

INSTANTIATE_TEST_SUITE_P(Etcd2, OverEtcd2, testing::Values(Etcd2Store::Kind::real, Etcd2Store::Kind::fake),
                         etcd2_store_name);

/// Two managers in each of two threads take turns; nobody is in twice, and tokens grow.
void take_turns(const std::vector<Mutex>& handles) {
  constexpr int rounds = 6;
  std::atomic<int> inside = 0;
  std::atomic<std::uint64_t> highest = 0;
  std::vector<std::jthread> threads;
  for (const Mutex& mutex : handles) {
    threads.emplace_back([&] {
      for (int round = 0; round < rounds; ++round) {
        auto hold = mutex.acquire({.wait = 60s});
        ASSERT_TRUE(hold) << hold.error().describe();
        EXPECT_EQ(inside.fetch_add(1), 0);
        EXPECT_LT(highest.exchange(hold->fencing_token()), hold->fencing_token());
        inside.fetch_sub(1);
        EXPECT_TRUE(hold->release());
      }
    });
  }
}

TEST_P(OverEtcd2, MutexesExclude) {
  for (const Fairness fairness : {Fairness::unfair, Fairness::fair}) {
    const LockManager one(client);
    const LockManager other(store.client());
    const std::string name = fairness == Fairness::fair ? "fair" : "plain";
    take_turns({one.mutex(name, {.fairness = fairness}), other.mutex(name, {.fairness = fairness}),
                other.mutex(name, {.fairness = fairness})});
    EXPECT_FALSE(one.mutex(name, {.fairness = fairness}).info().value());
  }
}

TEST_P(OverEtcd2, ALeaseIsRenewedAndOthersAreRefused) {
  const LockManager one(client, {.ttl = 3s});
  const LockManager other(store.client(), {.ttl = 3s});
  for (const Fairness fairness : {Fairness::unfair, Fairness::fair}) {
    const std::string name = fairness == Fairness::fair ? "fair" : "plain";
    auto hold = one.mutex(name, {.fairness = fairness}).acquire().value();
    const Mutex wanted = other.mutex(name, {.fairness = fairness});
    const auto refused = wanted.acquire({.wait = 4s});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::lock_timeout);
    EXPECT_TRUE(hold.is_held());
    EXPECT_TRUE(hold.release());
    EXPECT_TRUE(wanted.acquire({.wait = 5s}));
  }
}

TEST_P(OverEtcd2, SharedMutexesLetReadersInTogetherAndWritersAlone) {
  const LockManager one(client);
  const LockManager other(store.client());
  const SharedMutex here = one.shared_mutex("prices");
  const SharedMutex there = other.shared_mutex("prices");
  auto reader = here.acquire_shared({.wait = 5s}).value();
  auto second = there.acquire_shared({.wait = 5s}).value();
  EXPECT_TRUE(second.release());
  EXPECT_EQ(there.acquire({.wait = 300ms}).error().code, errc::lock_timeout);
  EXPECT_TRUE(reader.release());
  auto writer = there.acquire({.wait = 5s}).value();
  EXPECT_EQ(here.acquire_shared({.wait = 300ms}).error().code, errc::lock_timeout);
  EXPECT_TRUE(writer.downgrade());
  EXPECT_TRUE(here.acquire_shared({.wait = 5s}));
}

TEST_P(OverEtcd2, SemaphoresCountTheirPermits) {
  const LockManager one(client);
  const LockManager other(store.client());
  const Semaphore here = one.semaphore("downloads", {.permits = 3});
  const Semaphore there = other.semaphore("downloads", {.permits = 3});
  auto two = here.acquire(2, {.wait = 5s}).value();
  auto last = there.acquire(1, {.wait = 5s}).value();
  EXPECT_EQ(there.acquire(1, {.wait = 300ms}).error().code, errc::lock_timeout);
  EXPECT_TRUE(two.release());
  EXPECT_TRUE(there.acquire(2, {.wait = 5s}));
  EXPECT_EQ(one.mutex("downloads").acquire({.wait = 1s}).error().code, errc::lock_kind_differs);
}

TEST_P(OverEtcd2, OneLeadsAndOthersReadWhatItSays) {
  const LockManager one(client);
  const LockManager other(store.client());
  auto leading = one.election("main").campaign("first", {.wait = 5s}).value();
  EXPECT_EQ(other.election("main").leader().value()->message, "first");
  EXPECT_TRUE(leading.proclaim("still"));
  EXPECT_EQ(other.election("main").leader().value()->message, "still");
  EXPECT_EQ(other.election("main").campaign("second", {.wait = 300ms}).error().code, errc::lock_timeout);
  EXPECT_TRUE(leading.resign());
  const auto next = other.election("main").campaign("second", {.wait = 5s}).value();
  EXPECT_GT(next.fencing_token(), leading.fencing_token());
}

TEST_P(OverEtcd2, AHolderThatIsNotRenewedLosesTheLockToTheNext) {
  const LockManager one(client, {.ttl = 2s});
  const LockManager other(store.client(), {.ttl = 2s});
  for (const Fairness fairness : {Fairness::unfair, Fairness::fair}) {
    const std::string name = fairness == Fairness::fair ? "fair" : "plain";
    const auto hold = one.mutex(name, {.fairness = fairness}).acquire().value();
    hold.pause_renewal();
    const auto next = other.mutex(name, {.fairness = fairness}).acquire({.wait = 30s});
    ASSERT_TRUE(next) << next.error().describe();
    EXPECT_FALSE(hold.is_held());
    EXPECT_GT(next->fencing_token(), hold.fencing_token());
  }
}

TEST_P(OverEtcd2, AStoreThatStandsStillTakesTheLockFromItsHolder) {
  const LockManager locks(client, {.ttl = 2s});
  const auto hold = locks.mutex("reports").acquire().value();
  store.pause();
  std::mutex mutex;
  std::condition_variable_any lost;
  std::unique_lock lock(mutex);
  EXPECT_FALSE(lost.wait_for(lock, hold.lost(), 20s, [] { return false; }));
  EXPECT_TRUE(hold.lost().stop_requested());
  EXPECT_FALSE(hold.is_held());
  store.resume();
  EXPECT_TRUE(locks.mutex("reports").acquire({.wait = 30s}));
}

TEST(Etcd2Locks, SurviveARestartOfTheServer) {
  Etcd2Server etcd;
  const LockManager locks(Client({.endpoints = {etcd.url()}, .dialect = Dialect::etcd2}), {.ttl = 20s});
  auto hold = locks.mutex("reports").acquire().value();
  auto place = locks.shared_mutex("prices").acquire_shared().value();
  etcd.restart();
  EXPECT_TRUE(hold.renew());
  EXPECT_TRUE(place.renew());
  EXPECT_TRUE(hold.release());
}

TEST(Etcd2Locks, OfAnEtcdWithoutTheV2ApiFailAtOnceAndSayWhy) {
  const Etcd2Server etcd({.v2 = false});
  const LockManager locks(Client({.endpoints = {etcd.url()}, .dialect = Dialect::etcd2}));
  const auto refused = locks.mutex("reports").acquire({.wait = 10s});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().describe(), HasSubstr("--enable-v2"));
}

}  // namespace
}  // namespace deimos

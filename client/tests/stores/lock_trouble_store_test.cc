// What happens to locks when the store is down, stands still, or has lost its memory; on every store.
#include <atomic>
#include <future>
#include <random>
#include <thread>

#include <deimos/multi_lock.h>

#include "stores/store_suite.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;

class LocksInTrouble : public StoreSuite {};
INSTANTIATE_TEST_SUITE_P(Stores, LocksInTrouble, ::testing::ValuesIn(store_kinds()), store_name);

TEST_P(LocksInTrouble, StoreThatStandsStillTakesTheLockAwayInTime) {
  Member a = member("a", {.ttl = 2s});
  const Result<Hold> held = a.locks->mutex("m").acquire();
  ASSERT_TRUE(held) << why(held);
  store->pause();
  ASSERT_TRUE(a.events->wait_for(LockEvent::Kind::lost));
  EXPECT_FALSE(held->is_held());
  EXPECT_LE(a.connection.runtime->now(), held->expires_at() + 1s);
  store->resume();
  Member b = member("b");
  const Result<Hold> next = b.locks->mutex("m").acquire({.wait = 15s});
  ASSERT_TRUE(next) << why(next);
  EXPECT_GT(next->fencing_token(), held->fencing_token());
  const Result<Hold> again = a.locks->mutex("another").acquire({.wait = 15s});
  EXPECT_TRUE(again) << "it has not recovered: " << why(again);
}

TEST_P(LocksInTrouble, StoreThatIsKilledAndBackKeepsLocksAndWaiters) {
  Member a = member("a", {.ttl = 10s});
  Member b = member("b", {.ttl = 10s});
  Result<Hold> held = a.locks->mutex("m").acquire();
  ASSERT_TRUE(held) << why(held);
  Result<Hold> queued = a.locks->mutex("q", {.fairness = Fairness::fair}).acquire();
  auto waiting = std::async(std::launch::async, [&] { return b.locks->mutex("m").acquire({.wait = 25s}); });
  auto also = std::async(std::launch::async,
                         [&] { return b.locks->mutex("q", {.fairness = Fairness::fair}).acquire({.wait = 25s}); });
  ASSERT_TRUE(b.events->wait_for(LockEvent::Kind::waiting, 2));
  store->kill();
  EXPECT_TRUE(held->is_held());
  store->restart();
  const Result<void> renewed = held->renew();
  EXPECT_TRUE(renewed) << why(renewed);
  EXPECT_TRUE(held->is_held());
  EXPECT_EQ(waiting.wait_for(0s), std::future_status::timeout) << "two hold the lock";
  ASSERT_TRUE(held->release());
  if (queued) {
    EXPECT_TRUE(queued->is_held());
    EXPECT_TRUE(queued->release());
  }
  const Result<Hold> got = waiting.get();
  EXPECT_TRUE(got) << why(got);
  const Result<Hold> got_too = also.get();
  EXPECT_EQ(got_too.has_value(), GetParam().has_queues) << why(got_too);
}

TEST_P(LocksInTrouble, StoreWithoutMemoryLosesWhatIsHeldAndServesAgain) {
  if (!GetParam().can_lose_memory) GTEST_SKIP() << "it does not forget";
  Member a = member("a", {.ttl = 5s});
  const Result<Hold> held = a.locks->mutex("m").acquire();
  ASSERT_TRUE(held) << why(held);
  store->lose_memory();
  ASSERT_TRUE(a.events->wait_for(LockEvent::Kind::lost));
  EXPECT_FALSE(held->is_held());
  const Result<Hold> again = a.locks->mutex("m").acquire({.wait = 15s});
  ASSERT_TRUE(again) << why(again);
  ASSERT_TRUE(a.events->wait_for(LockEvent::Kind::renewed, a.events->count(LockEvent::Kind::renewed) + 2));
  EXPECT_TRUE(again->is_held());
}

TEST_P(LocksInTrouble, StoreThatIsDownIsWaitedFor) {
  store->kill();
  Member a = member("a");
  const auto began = a.connection.runtime->now();
  const Result<Hold> tried = a.locks->mutex("m").acquire({.wait = 1s});
  ASSERT_FALSE(tried);
  EXPECT_EQ(tried.error().code, errc::unavailable) << why(tried);
  EXPECT_LT(a.connection.runtime->now() - began, 3s);
  auto waiting = std::async(std::launch::async, [&] { return a.locks->mutex("m").acquire({.wait = 25s}); });
  store->restart();
  const Result<Hold> got = waiting.get();
  EXPECT_TRUE(got) << why(got);
}

TEST_P(LocksInTrouble, ReleaseToADeadStoreIsFinishedInTheBackground) {
  Member a = member("a", {.ttl = 20s});
  Member b = member("b");
  Result<Hold> held = a.locks->mutex("m").acquire();
  const Result<Hold> other = a.locks->mutex("other").acquire();
  ASSERT_TRUE(held && other) << why(held) << why(other);
  store->pause();
  EXPECT_EQ(held->release().value(), Release::in_background);
  store->resume();
  // Long before the lease is over, which `other` keeps alive besides.
  const Result<Hold> next = b.locks->mutex("m").acquire({.wait = 15s});
  EXPECT_TRUE(next) << why(next);
}

TEST_P(LocksInTrouble, WaitersThatGiveUpLeaveNothing) {
  {
    Member a = member("a");
    Member b = member("b");
    const Result<Hold> held = a.locks->mutex("m").acquire();
    ASSERT_TRUE(held) << why(held);
    std::stop_source stop;
    auto waiting = std::async(std::launch::async, [&] { return b.locks->mutex("m").acquire({}, stop.get_token()); });
    ASSERT_TRUE(b.events->wait_for(LockEvent::Kind::waiting));
    stop.request_stop();
    EXPECT_EQ(waiting.get().error().code, errc::cancelled);
    if (GetParam().has_queues) {
      const Result<Hold> first = a.locks->shared_mutex("s").acquire();
      auto queued = std::async(std::launch::async, [&] { return b.locks->shared_mutex("s").acquire({.wait = 1s}); });
      EXPECT_EQ(queued.get().error().code, errc::lock_timeout);
      EXPECT_TRUE(has_line(a, "s", 1));
    }
  }
  EXPECT_TRUE(keys_left().empty());
}

/// Threads of several processes, one lock, and a store that is killed, stopped and brought back all the while.
TEST_P(LocksInTrouble, NobodyIsEverInTogether) {
  constexpr int processes = 3;
  std::vector<Member> members;
  for (int i = 0; i < processes; ++i) members.push_back(member("p" + std::to_string(i), {.ttl = 2s}));
  std::atomic<int> entered = 0;
  std::atomic<std::uint64_t> highest = 0;
  std::mutex mutex;
  const Hold* inside = nullptr;  // Of whoever is in.
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < processes; ++i) {
      threads.emplace_back([&, i](const std::stop_token& stop) {
        Member& self = members[static_cast<std::size_t>(i)];
        const bool fair = GetParam().has_queues;
        const Mutex lock = self.locks->mutex("m", {.fairness = fair ? Fairness::fair : Fairness::unfair});
        while (!stop.stop_requested()) {
          Result<Hold> hold = lock.acquire({.wait = 30s}, stop);
          if (!hold) continue;
          {
            const std::scoped_lock guard(mutex);
            if (hold->is_held()) {
              EXPECT_TRUE(inside == nullptr || !inside->is_held()) << "two are in, one of them p" << i;
              EXPECT_GT(hold->fencing_token(), highest.exchange(hold->fencing_token()));
              inside = &*hold;
              ++entered;
            }
          }
          self.connection.runtime->sleep_for(20ms, hold->lost());
          {
            const std::scoped_lock guard(mutex);
            if (inside == &*hold) inside = nullptr;
          }
          (void)hold->release();
        }
      });
    }
    const auto runtime = members[0].connection.runtime;
    for (int round = 0; round < 2; ++round) {
      runtime->sleep_for(500ms);
      store->pause();
      runtime->sleep_for(round == 0 ? 300ms : 3s);
      store->resume();
      runtime->sleep_for(500ms);
      store->kill();
      store->restart();
      const int before = entered;
      const TimePoint end = runtime->now() + 20s;
      while (entered < before + 3 && runtime->now() < end) runtime->sleep_for(20ms);
      EXPECT_GE(entered, before + 3) << "nobody gets in any more";
    }
  }
}

}  // namespace
}  // namespace deimos

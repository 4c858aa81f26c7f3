// Waiting for changes on a real Redis server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <stop_token>
#include <string>

#include "backends/redis/redis_steps.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;

TEST_F(RedisSteps, AnExpiredLeaseIsOverAtOnceAndToldOnce) {
  const std::uint64_t first = granted("/locks/a", "one", 1s);
  const auto change = waiting("/locks/a", first + 1).get();
  ASSERT_TRUE(change && *change) << (change ? "nothing" : change.error().describe());
  EXPECT_TRUE((*change)->released);
  EXPECT_TRUE((*change)->expired);
  EXPECT_EQ((*change)->key, "/locks/a");
  const std::uint64_t told = (*change)->revision;
  EXPECT_GT(told, first);
  EXPECT_FALSE(store.inspect("/locks/a", soon()).value().record);
  EXPECT_EQ(revision(), told);
}

TEST_F(RedisSteps, InspectOfAnEmptyStoreHasARevisionToWaitFrom) {
  const auto seen = store.inspect("/locks/a", soon());
  ASSERT_TRUE(seen) << seen.error().describe();
  EXPECT_FALSE(seen->record);
  auto change = waiting("/locks", seen->revision + 1, true);
  ASSERT_TRUE(server.await_listeners(1));
  ASSERT_GT(granted("/locks/a", "one"), 0U);
  auto told = change.get();
  if (!told) {  // The change came before the first look, and it is the oldest that is known.
    ASSERT_EQ(told.error().code, errc::history_cleared);
    told = store.wait_for_any_change("/locks", revision(), soon());
  }
  ASSERT_TRUE(told && *told);
  EXPECT_EQ((*told)->token, "one");
  EXPECT_EQ((*told)->ttl, 10s);
  EXPECT_FALSE((*told)->released);
}

TEST_F(RedisSteps, AWaitSeesWhatHappenedBeforeIt) {
  const std::uint64_t first = granted("/locks/a", "one");
  ASSERT_TRUE(store.release("/locks/a", "one", soon()));
  ASSERT_GT(granted("/locks/a", "two"), 0U);
  auto change = store.wait_for_change("/locks/a", first, soon());
  ASSERT_TRUE(change && *change);
  EXPECT_EQ((*change)->revision, first);
  EXPECT_EQ((*change)->token, "one");
  change = store.wait_for_change("/locks/a", first + 1, soon());
  ASSERT_TRUE(change && *change);
  EXPECT_TRUE((*change)->released);
  EXPECT_FALSE((*change)->expired);
  change = store.wait_for_change("/locks/a", (*change)->revision + 1, soon());
  ASSERT_TRUE(change && *change);
  EXPECT_EQ((*change)->token, "two");
  const TimePoint begin = now();
  change = store.wait_for_change("/locks/a", (*change)->revision + 1, {begin + 100ms});
  ASSERT_TRUE(change) << change.error().describe();
  EXPECT_FALSE(*change) << "nothing has happened since";
  EXPECT_GE(now() - begin, 100ms);
  EXPECT_LT(now() - begin, 2s);
}

TEST_F(RedisSteps, AWaitHearsOfAReleaseAtOnce) {
  // Ahead of the clock, so that each change has the very next number.
  server.command({"SET", "deimos:revision", "5000000000000000"});
  const std::uint64_t first = granted("/locks/a", "one", 60s);
  for (const bool below : {false, true}) {
    auto change = waiting(below ? "/locks" : "/locks/a", (below ? revision() : first) + 1, below);
    ASSERT_TRUE(server.await_listeners(1));
    ASSERT_GT(granted("/locks/another", "one"), 0U);
    if (!below) {
      ASSERT_TRUE(store.release("/locks/a", "one", soon()));
    }
    const TimePoint begin = now();
    const auto told = change.get();
    EXPECT_LT(now() - begin, 1s);
    ASSERT_TRUE(told && *told);
    EXPECT_EQ((*told)->key, below ? "/locks/another" : "/locks/a");
    EXPECT_EQ((*told)->released, !below);
    ASSERT_TRUE(store.release("/locks/another", "one", soon()));
    ASSERT_TRUE(server.await_listeners(0));
  }
}

TEST_F(RedisSteps, ARenewalWakesNobody) {
  std::uint64_t revision = granted("/locks/a", "one");
  auto change = waiting("/locks/a", revision + 1, false, 1s);
  ASSERT_TRUE(server.await_listeners(1));
  for (int i = 0; i < 5; ++i) revision = store.renew("/locks/a", "one", revision, 10s, soon()).value().fencing_token;
  EXPECT_FALSE(change.get().value());
}

TEST_F(RedisSteps, AWaitForWhatIsNotThereReturnsAtOnce) {
  ASSERT_GT(granted("/locks/a", "one"), 0U);
  const auto change = store.wait_for_change("/locks/b", revision() + 1, soon());
  ASSERT_TRUE(change && *change);
  EXPECT_TRUE((*change)->released);
}

TEST_F(RedisSteps, AWaitFromBeforeTheHistoryIsTurnedAway) {
  const std::uint64_t first = granted("/locks/a", "one", 1000s);
  for (int i = 0; i < 700; ++i) {
    ASSERT_GT(granted("/locks/b", "b"), 0U);
    ASSERT_TRUE(store.release("/locks/b", "b", soon()));
  }
  EXPECT_EQ(store.wait_for_change("/locks/a", first + 1, soon()).error().code, errc::history_cleared);
  EXPECT_LT(std::stoi(server.command({"XLEN", "deimos:changes"})), 1200);
  EXPECT_FALSE(store.wait_for_change("/locks/a", revision() + 1, {now() + 50ms}).value());
}

TEST_F(RedisSteps, AWaitInAStoreThatHasBegunAnewIsTurnedAway) {
  const std::uint64_t first = granted("/locks/a", "one");
  server.command({"FLUSHALL"});
  EXPECT_EQ(store.wait_for_change("/locks/a", first + 1, soon()).error().code, errc::history_cleared);
  ASSERT_GT(granted("/locks/c", "one"), 0U);
  EXPECT_EQ(store.wait_for_any_change("/locks", first + 1, soon()).error().code, errc::history_cleared);
}

TEST_F(RedisSteps, AWaitEndsAtOnceWhenItIsCancelled) {
  const std::uint64_t first = granted("/locks/a", "one", 60s);
  std::stop_source stop;
  auto change = waiting("/locks/a", first + 1, false, 30s, stop.get_token());
  ASSERT_TRUE(server.await_listeners(1));
  const TimePoint begin = now();
  stop.request_stop();
  EXPECT_EQ(change.get().error().code, errc::cancelled);
  EXPECT_LT(now() - begin, 1s);
}

TEST_F(RedisSteps, ClosingEndsWhatWaitsAndAllThatComes) {
  const std::uint64_t first = granted("/locks/a", "one", 60s);
  auto change = waiting("/locks/a", first + 1);
  ASSERT_TRUE(server.await_listeners(1));
  store.close();
  EXPECT_EQ(change.get().error().code, errc::closed);
  EXPECT_EQ(store.inspect("/locks/a", soon()).error().code, errc::closed);
}

TEST_F(RedisSteps, ConnectionsAreUsedAgain) {
  std::uint64_t first = granted("/locks/a", "one", 60s);
  const auto connections = [&] {
    const std::string info = server.command({"INFO", "stats"});
    const std::string name = "total_connections_received:";
    return std::stoi(info.substr(info.find(name) + name.size()));
  };
  ASSERT_FALSE(store.wait_for_change("/locks/a", first + 1, {now() + 500ms}).value());
  const int before = connections();
  for (int i = 0; i < 5; ++i) {
    ASSERT_FALSE(store.wait_for_change("/locks/a", first + 1, {now() + 100ms}).value());
    ASSERT_TRUE(store.inspect("/locks/a", soon()));
  }
  EXPECT_EQ(connections() - before, 1) << "one more, of the test itself";
}

}  // namespace
}  // namespace deimos

// Queues and lists on a real Redis server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "backends/redis/redis_steps.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

TEST_F(RedisSteps, PlacesStandInTheOrderInWhichTheyCame) {
  std::vector<LockRecord> placed;
  for (const char* token : {"z", "a", "m"}) placed.push_back(store.enqueue("/locks/q", token, 10s, soon()).value());
  const Listing listing = store.places("/locks/q", soon()).value();
  ASSERT_EQ(listing.records.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(listing.records[i].key, placed[i].key);
    EXPECT_EQ(listing.records[i].token, placed[i].token);
    EXPECT_EQ(listing.records[i].created_revision, placed[i].created_revision);
    EXPECT_TRUE(placed[i].key.starts_with("/locks/q/"));
    EXPECT_EQ(placed[i].ttl, 10s);
  }
  EXPECT_GE(listing.revision, placed[2].created_revision);
  // Written anew, a place stays where it is.
  ASSERT_TRUE(store.take_over(listing.records[0], "changed", 10s, soon()));
  EXPECT_EQ(store.places("/locks/q", soon()).value().records[0].token, "changed");
  ASSERT_TRUE(store.release(placed[1].key, "a", soon()));
  EXPECT_EQ(store.places("/locks/q", soon()).value().records.size(), 2U);
}

TEST_F(RedisSteps, DeadPlacesAreGoneForWhoeverLooks) {
  const LockRecord dead = store.enqueue("/locks/q", "dead", 1s, soon()).value();
  const LockRecord alive = store.enqueue("/locks/q", "alive", 60s, soon()).value();
  const auto change = waiting(dead.key, alive.revision + 1).get();
  ASSERT_TRUE(change && *change);
  EXPECT_TRUE((*change)->expired);
  const Listing listing = store.places("/locks/q", soon()).value();
  ASSERT_EQ(listing.records.size(), 1U);
  EXPECT_EQ(listing.records[0].token, "alive");
}

TEST_F(RedisSteps, AWaitForAQueueHearsOfALeaseThatEndsInIt) {
  ASSERT_TRUE(store.enqueue("/locks/q", "dead", 1s, soon()));
  const auto change = waiting("/locks/q", revision() + 1, true).get();
  ASSERT_TRUE(change && *change);
  EXPECT_TRUE((*change)->expired);
}

TEST_F(RedisSteps, AQueueAndAPlainLockOfOneNameRefuseEachOther) {
  const LockRecord place = store.enqueue("/locks/a", "t", 10s, soon()).value();
  EXPECT_EQ(store.acquire("/locks/a", "t", 10s, soon()).error().code, errc::not_a_file);
  EXPECT_EQ(store.inspect("/locks/a", soon()).error().code, errc::not_a_file);
  ASSERT_TRUE(store.release(place.key, "t", soon()));
  ASSERT_GT(granted("/locks/a", "t"), 0U);
  EXPECT_EQ(store.enqueue("/locks/a", "t", 10s, soon()).error().code, errc::not_a_directory);
  EXPECT_EQ(store.places("/locks/a", soon()).error().code, errc::not_a_directory);
  EXPECT_GT(granted("/locks/a/below", "t"), 0U) << "a name below another's is another lock";
}

TEST_F(RedisSteps, ARecordWithoutALeaseStays) {
  ASSERT_TRUE(store.set_permanent("/locks/s/limit", "one", std::nullopt, soon()));
  EXPECT_EQ(store.set_permanent("/locks/s/limit", "two", std::nullopt, soon()).error().code, errc::key_already_exists);
  const LockRecord shown = store.places("/locks/s", soon()).value().records.at(0);
  EXPECT_EQ(shown.token, "one");
  EXPECT_FALSE(shown.ttl);
  ASSERT_TRUE(store.set_permanent("/locks/s/limit", "three", shown, soon()));
  EXPECT_EQ(store.set_permanent("/locks/s/limit", "four", shown, soon()).error().code, errc::compare_failed);
  EXPECT_EQ(server.command({"GET", "/locks/s/limit"}), "three");
  EXPECT_EQ(server.command({"PTTL", "/locks/s/limit"}), "-1");
}

TEST_F(RedisSteps, AListIsInTheOrderOfCreationAndHasOthersLocksToo) {
  ASSERT_GT(granted("/locks/z", "t"), 0U);
  ASSERT_GT(granted("/locks/a/deep", "t"), 0U);
  ASSERT_GT(granted("/lockseparate", "t"), 0U);
  server.command({"SET", "/locks/foreign", "f"});
  const LockRecord place = store.enqueue("/locks/q", "t", 10s, soon()).value();
  EXPECT_THAT(names("/locks"), ElementsAre("/locks/z", "/locks/a/deep", place.key, "/locks/foreign"));
  EXPECT_THAT(names("/locks/"), testing::SizeIs(4));
  EXPECT_THAT(names("/locks/a"), ElementsAre("/locks/a/deep"));
  EXPECT_THAT(names("/"), testing::SizeIs(5));
  EXPECT_THAT(names("/none"), ElementsAre());
  EXPECT_EQ(store.list("/locks", soon()).value().revision, revision());
}

TEST_F(RedisSteps, AListOfThousandsComesInPages) {
  const std::string made =
      server.command({"EVAL", "for i = 1, 2500 do redis.call('SET', '/locks/' .. i, 't' .. i) end", "0"});
  EXPECT_EQ(names("/locks").size(), 2500U) << made;
  EXPECT_EQ(names("/locks").size(), 2500U);
}

TEST_F(RedisSteps, AnyBytesMakeAName) {
  const std::string key = "/locks/a*b?[c]\\ d\xc3\xa9";
  const std::string token = std::string("line\nend\0nul %s;", 16);
  ASSERT_GT(granted(key, token), 0U);
  EXPECT_EQ(record(key).token, token);
  auto change = waiting(key, record(key).revision + 1);
  ASSERT_TRUE(server.await_listeners(1));
  ASSERT_TRUE(store.release(key, token, soon()));
  EXPECT_TRUE(change.get().value()->released);
  ASSERT_GT(granted("/locks/x[1]/y", token), 0U);
  EXPECT_THAT(names("/locks/x[1]"), ElementsAre("/locks/x[1]/y"));
  EXPECT_THAT(names("/locks/x1"), ElementsAre());
  auto elsewhere = waiting("/locks/x[1]", revision() + 1, true, 1s);
  ASSERT_TRUE(server.await_listeners(1));
  ASSERT_GT(granted("/locks/x1/z", token), 0U);
  EXPECT_FALSE(elsewhere.get().value());
  EXPECT_THAT(names("/locks/x[1]"), ElementsAre("/locks/x[1]/y"));
}

}  // namespace
}  // namespace deimos

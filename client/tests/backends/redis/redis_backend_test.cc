// The laws of LockBackend, and what other clients of Redis do, on a real server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include "backends/redis/redis_steps.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

TEST_F(RedisSteps, ALockIsAPlainStringWithAnExpiry) {
  EXPECT_GT(granted("/locks/a", "token"), 0U);
  EXPECT_EQ(server.command({"GET", "/locks/a"}), "token");
  EXPECT_GT(std::stoi(server.command({"PTTL", "/locks/a"})), 9000);
}

TEST_F(RedisSteps, AcquireIsRefusedWhileAnotherHasIt) {
  const std::uint64_t first = granted("/locks/a", "one");
  const auto second = store.acquire("/locks/a", "two", 10s, soon());
  ASSERT_TRUE(second);
  ASSERT_TRUE(std::holds_alternative<Refused>(*second));
  EXPECT_GE(std::get<Refused>(*second).revision, first);
  EXPECT_EQ(server.command({"GET", "/locks/a"}), "one");
  EXPECT_EQ(record("/locks/a").revision, first);
  EXPECT_EQ(record("/locks/a").created_revision, first);
  EXPECT_EQ(record("/locks/a").ttl, 10s);
  const auto seconds_left = record("/locks/a").expires.value() - std::chrono::system_clock::now();
  EXPECT_GT(seconds_left, 5s);
  EXPECT_LE(seconds_left, 10s);
}

TEST_F(RedisSteps, FencingTokensGrowWithEveryHolder) {
  std::uint64_t last = 0;
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t token = granted("/locks/a", "token");
    EXPECT_GT(token, last);
    last = token;
    ASSERT_TRUE(store.release("/locks/a", "token", soon()));
  }
}

TEST_F(RedisSteps, FencingTokensGrowAlsoIfTheServerForgetsThem) {
  const std::uint64_t before = granted("/locks/a", "token");
  server.command({"FLUSHALL"});
  EXPECT_GT(granted("/locks/a", "token"), before);
  server.kill();
  server.start();
  const std::uint64_t next = granted("/locks/b", "token");
  EXPECT_GT(next, before);
  // The clock has gone back by a century, and the counter is lost: the history has the last revision too.
  server.command({"SET", "deimos:revision", "5000000000000000"});
  EXPECT_EQ(granted("/locks/c", "token"), 5000000000000001U);
  server.command({"DEL", "deimos:revision"});
  EXPECT_EQ(granted("/locks/d", "token"), 5000000000000002U);
}

TEST_F(RedisSteps, RenewComparesTokenAndRevision) {
  const std::uint64_t first = granted("/locks/a", "one", 2s);
  const auto renewed = store.renew("/locks/a", "one", first, 100s, soon());
  ASSERT_TRUE(renewed) << renewed.error().describe();
  EXPECT_GT(renewed->fencing_token, first);
  EXPECT_GT(std::stoi(server.command({"PTTL", "/locks/a"})), 90000);
  EXPECT_EQ(record("/locks/a").created_revision, first);
  EXPECT_EQ(store.renew("/locks/a", "one", first, 1s, soon()).error().code, errc::compare_failed);
  EXPECT_EQ(store.renew("/locks/a", "two", renewed->fencing_token, 1s, soon()).error().code, errc::lock_not_held);
  EXPECT_EQ(store.renew("/locks/none", "one", first, 1s, soon()).error().code, errc::lock_not_held);
  EXPECT_GT(std::stoi(server.command({"PTTL", "/locks/a"})), 90000) << "a refused renewal changes nothing";
}

TEST_F(RedisSteps, ReleaseComparesTheToken) {
  ASSERT_GT(granted("/locks/a", "one"), 0U);
  EXPECT_EQ(store.release("/locks/a", "two", soon()).error().code, errc::lock_not_held);
  EXPECT_EQ(record("/locks/a").token, "one");
  EXPECT_TRUE(store.release("/locks/a", "one", soon()));
  EXPECT_EQ(store.release("/locks/a", "one", soon()).error().code, errc::lock_not_held);
  EXPECT_EQ(server.command({"EXISTS", "/locks/a"}), "0");
  for (const char* each : {"deimos:records", "deimos:names", "deimos:leases"}) {
    EXPECT_EQ(server.command({"EXISTS", each}), "0") << each << " keeps what is gone";
  }
}

TEST_F(RedisSteps, TakeOverAndForceReleaseCompareTheRecordShown) {
  const std::uint64_t first = granted("/locks/a", "one");
  const LockRecord shown = record("/locks/a");
  ASSERT_TRUE(store.renew("/locks/a", "one", first, 10s, soon()));
  EXPECT_EQ(store.take_over(shown, "two", 10s, soon()).error().code, errc::compare_failed);
  EXPECT_EQ(store.force_release(shown, soon()).error().code, errc::compare_failed);
  const LockRecord renewed = record("/locks/a");
  const auto taken = store.take_over(renewed, "two", 10s, soon());
  ASSERT_TRUE(taken);
  EXPECT_GT(taken->fencing_token, renewed.revision);
  EXPECT_EQ(record("/locks/a").token, "two");
  EXPECT_TRUE(store.force_release(record("/locks/a"), soon()));
  EXPECT_EQ(store.force_release(renewed, soon()).error().code, errc::key_not_found);
  EXPECT_EQ(store.take_over(renewed, "three", 10s, soon()).error().code, errc::key_not_found);
}

TEST_F(RedisSteps, WhatIsOverIsSweptByWhoeverComes) {
  for (int i = 0; i < 12; ++i) ASSERT_GT(granted("/locks/old" + std::to_string(i), "t", 1s), 0U);
  const char* count = "local n = 0 for i = 0, 11 do n = n + redis.call('EXISTS', '/locks/old' .. i) end return n";
  server.await({"EVAL", count, "0"}, [](const std::string& said) { return said == "0"; });
  for (int i = 0; i < 4; ++i) {
    ASSERT_GT(granted("/locks/new", "t"), 0U);
    ASSERT_TRUE(store.release("/locks/new", "t", soon()));
  }
  EXPECT_EQ(server.command({"HLEN", "deimos:records"}), "0");
  EXPECT_EQ(server.command({"ZCARD", "deimos:names"}), "0");
}

TEST_F(RedisSteps, APlainLockOfAnotherClientAndOursExcludeEachOther) {
  ASSERT_EQ(server.command({"SET", "/locks/a", "foreign", "NX", "PX", "60000"}), "OK");
  EXPECT_TRUE(std::holds_alternative<Refused>(store.acquire("/locks/a", "ours", 10s, soon()).value()));
  const LockRecord foreign = record("/locks/a");
  EXPECT_EQ(foreign.token, "foreign");
  EXPECT_EQ(foreign.ttl, 60s);
  EXPECT_GT(foreign.revision, 0U);
  EXPECT_EQ(record("/locks/a").revision, foreign.revision) << "it is the same as long as nobody writes it";
  EXPECT_EQ(store.release("/locks/a", "ours", soon()).error().code, errc::lock_not_held);
  EXPECT_EQ(server.command({"DEL", "/locks/a"}), "1");
  EXPECT_GT(granted("/locks/a", "ours"), foreign.revision);
  EXPECT_EQ(server.command({"SET", "/locks/a", "foreign", "NX", "PX", "60000"}), "(nil)");
}

TEST_F(RedisSteps, AReleaseByAnotherClientIsNoticed) {
  server.command({"SET", "/locks/a", "foreign", "NX", "PX", "60000"});
  auto change = waiting("/locks/a", store.inspect("/locks/a", soon()).value().revision + 1);
  ASSERT_TRUE(server.await_listeners(1));
  server.command({"DEL", "/locks/a"});
  const TimePoint begin = now();
  const auto told = change.get();
  EXPECT_LT(now() - begin, 2s);
  ASSERT_TRUE(told && *told);
  EXPECT_TRUE((*told)->released);
  EXPECT_FALSE((*told)->expired);
}

TEST_F(RedisSteps, ALockThatAnotherClientSetAnewIsAnotherRecord) {
  const std::uint64_t first = granted("/locks/a", "ours");
  const LockRecord before = record("/locks/a");
  server.command({"SET", "/locks/a", "foreign", "PX", "60000"});
  EXPECT_EQ(store.renew("/locks/a", "ours", first, 10s, soon()).error().code, errc::lock_not_held);
  EXPECT_EQ(store.force_release(before, soon()).error().code, errc::compare_failed);
  EXPECT_EQ(store.take_over(before, "ours", 10s, soon()).error().code, errc::compare_failed);
  EXPECT_EQ(server.command({"GET", "/locks/a"}), "foreign");
  EXPECT_TRUE(store.force_release(record("/locks/a"), soon()));
  EXPECT_EQ(server.command({"EXISTS", "/locks/a"}), "0");
}

TEST_F(RedisSteps, ALeaseThatAnotherClientProlongsIsNotSwept) {
  server.command({"SET", "/locks/a", "foreign", "NX", "PX", "3000"});
  ASSERT_EQ(record("/locks/a").token, "foreign");
  server.command({"PEXPIRE", "/locks/a", "60000"});
  const auto is_past = [](const std::string& said) { return said == "1"; };
  const char* clock = "local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000 > tonumber(ARGV[1]) and 1 or 0";
  server.await({"EVAL", clock, "0", server.command({"ZSCORE", "deimos:leases", "/locks/a"})}, is_past);
  ASSERT_GT(granted("/locks/b", "t"), 0U);
  EXPECT_EQ(record("/locks/a").token, "foreign");
  EXPECT_EQ(names("/locks"), (std::vector<std::string>{"/locks/a", "/locks/b"}));
}

TEST_F(RedisSteps, AKeyOfAnotherTypeIsNoLock) {
  server.command({"LPUSH", "/locks/a", "x"});
  EXPECT_EQ(store.acquire("/locks/a", "t", 10s, soon()).error().code, errc::not_a_file);
  EXPECT_EQ(store.inspect("/locks/a", soon()).error().code, errc::not_a_file);
  EXPECT_EQ(store.places("/locks/a", soon()).error().code, errc::not_a_directory);
  EXPECT_EQ(store.enqueue("/locks/a", "t", 10s, soon()).error().code, errc::not_a_directory);
  EXPECT_EQ(store.release("/locks/a", "t", soon()).error().code, errc::lock_not_held);
  EXPECT_THAT(names("/locks"), ElementsAre());
  EXPECT_EQ(server.command({"LLEN", "/locks/a"}), "1");
}

}  // namespace
}  // namespace deimos

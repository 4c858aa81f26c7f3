// What the locks do when the Redis server is ill, stands still, is gone, or begins anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <stop_token>
#include <string>

#include "backends/redis/redis_manager.h"
#include "backends/redis/redis_server.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(RedisFaults, FullMemoryRefusesNewLocksAndKeepsThoseHeld) {
  const RedisServer server({"--maxmemory-policy", "noeviction"});
  LockManager locks = manager_of(make_store({.addresses = {server.address()}}), {.ttl = 2s});
  auto hold = locks.mutex("a").acquire();
  auto place = locks.mutex("q", {.fairness = Fairness::fair}).acquire();
  auto leader = locks.election("e").campaign("one");
  ASSERT_TRUE(hold && place && leader);
  ASSERT_EQ(server.command({"CONFIG", "SET", "maxmemory", "1"}), "OK");
  const auto refused = locks.mutex("b").acquire({.wait = 1s});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().describe(), HasSubstr("out of memory: raise its maxmemory"));
  const auto renewed = hold->renew();
  EXPECT_TRUE(renewed) << renewed.error().describe();
  EXPECT_TRUE(leader->proclaim("two"));
  EXPECT_EQ(hold->release().value(), Release::freed);
  EXPECT_EQ(place->release().value(), Release::freed);
  EXPECT_EQ(leader->resign().value(), Release::freed);
  ASSERT_EQ(server.command({"CONFIG", "SET", "maxmemory", "0"}), "OK");
  EXPECT_TRUE(locks.mutex("b").acquire({.wait = 5s}));
}

TEST(RedisFaults, AServerThatCannotSaveRefusesLocks) {
  const RedisServer server({"--save", "3600 1000000"});
  LockManager locks = manager_of(make_store({.addresses = {server.address()}}));
  std::filesystem::remove_all(server.folder());
  server.command({"BGSAVE"});
  const auto failed = [](const std::string& said) {
    return said.find("rdb_last_bgsave_status:err") != std::string::npos;
  };
  ASSERT_TRUE(failed(server.await({"INFO", "persistence"}, failed)));
  const auto hold = locks.mutex("a").acquire({.wait = 500ms});
  ASSERT_FALSE(hold);
  EXPECT_THAT(hold.error().message, HasSubstr("cannot save its data"));
}

TEST(RedisFaults, AFlushedScriptIsSentAgain) {
  const RedisServer server;
  LockManager locks = manager_of(make_store({.addresses = {server.address()}}));
  auto hold = locks.mutex("a").acquire();
  ASSERT_EQ(server.command({"SCRIPT", "FLUSH"}), "OK");
  EXPECT_TRUE(hold->renew());
  ASSERT_EQ(server.command({"SCRIPT", "FLUSH"}), "OK");
  EXPECT_EQ(hold->release().value(), Release::freed);
}

TEST(RedisFaults, ClosedConnectionsAreReplacedBeforeAnythingIsSent) {
  const RedisServer server;
  LockManager locks = manager_of(make_store({.addresses = {server.address()}}));
  for (int i = 0; i < 10; ++i) {
    auto hold = locks.mutex("a").acquire({.wait = 5s});
    ASSERT_TRUE(hold) << hold.error().describe();
    server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    EXPECT_EQ(hold->release().value(), Release::freed);
  }
}

TEST(RedisFaults, AWaiterWhoseConnectionIsCutListensAgain) {
  const RedisServer server;
  LockManager locks = manager_of(make_store({.addresses = {server.address()}}));
  LockManager others = manager_of(make_store({.addresses = {server.address()}}));
  auto hold = locks.mutex("a").acquire();
  auto next = std::async(std::launch::async, [&] { return others.mutex("a").acquire(); });
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(server.await_listeners(1));
    server.command({"CLIENT", "KILL", "TYPE", "pubsub"});
  }
  ASSERT_TRUE(hold->release());
  EXPECT_TRUE(next.get());
}

TEST(RedisFaults, AStoreThatBeginsEmptyLosesWhatIsHeld) {
  RedisServer server;
  LockManager locks = manager_of(make_store({.addresses = {server.address()}}), {.ttl = 2s});
  LockManager others = manager_of(make_store({.addresses = {server.address()}}));
  std::promise<Error> told;
  auto hold = locks.mutex("a").acquire({.on_lost = [&](const Error& why) { told.set_value(why); }});
  auto waiter = std::async(std::launch::async, [&] { return others.mutex("a").acquire(); });
  ASSERT_TRUE(server.await_listeners(1));
  const std::uint64_t token = hold->fencing_token();
  server.kill();
  server.start();
  const Error why = told.get_future().get();
  EXPECT_EQ(why.code, condition::lock_lost);
  const auto next = waiter.get();
  ASSERT_TRUE(next) << next.error().describe();
  EXPECT_GT(next->fencing_token(), token);
}

TEST(RedisFaults, AServerThatDiesLosesTheLockAtItsDeadlineAndNoLater) {
  RedisServer server;
  LockManager locks = manager_of(make_store({.addresses = {server.address()}}), {.ttl = 2s, .request_timeout = 1s});
  auto hold = locks.mutex("a").acquire();
  ASSERT_TRUE(hold);
  server.kill();
  const auto begin = std::chrono::steady_clock::now();
  std::promise<void> lost;
  const std::stop_callback on_lost(hold->lost(), [&] { lost.set_value(); });
  lost.get_future().wait();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  EXPECT_EQ(hold->release().error().code, errc::lock_expired);
}

TEST(RedisFaults, AServerThatStandsStillBreaksNoDeadlineAndLeavesNothingBehind) {
  const RedisServer server;
  auto store = make_store({.addresses = {server.address()}});
  LockManager locks = manager_of(store, {.ttl = 3s, .request_timeout = 500ms});
  ASSERT_TRUE(locks.mutex("a").acquire().value().release());
  server.pause();
  const auto begin = std::chrono::steady_clock::now();
  const auto hold = locks.mutex("a").acquire({.wait = 0s});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  EXPECT_FALSE(hold);
  EXPECT_EQ(store->acquire("/locks/b", "t", 10s, {store->runtime()->now() + 100ms}).error().code, errc::unavailable)
      << "the connection is not even greeted";
  server.go_on();
  // What was sent is acted on now, and cleaned up by the manager.
  const auto is_gone = [](const std::string& said) { return said == "0"; };
  EXPECT_TRUE(is_gone(server.await({"EXISTS", "/locks/a"}, is_gone)));
  EXPECT_TRUE(locks.mutex("a").acquire({.wait = 5s}));
}

TEST(RedisFaults, AWriteThatWasSentToAServerThatStandsStillIsUnknown) {
  const RedisServer server;
  RedisBackend store({.addresses = {server.address()}});
  ASSERT_TRUE(store.inspect("/locks/a", {store.runtime()->now() + 5s}));
  server.pause();
  const auto answer = store.acquire("/locks/a", "t", 10s, {store.runtime()->now() + 200ms});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, errc::outcome_unknown);
  server.go_on();
  const auto is_there = [](const std::string& said) { return said == "t"; };
  EXPECT_TRUE(is_there(server.await({"GET", "/locks/a"}, is_there))) << "it was applied after all";
}

TEST(RedisFaults, HoldersOutliveAShortStandstill) {
  const RedisServer server;
  LockManager locks = manager_of(make_store({.addresses = {server.address()}}), {.ttl = 5s});
  auto hold = locks.mutex("a").acquire();
  auto place = locks.mutex("b", {.fairness = Fairness::fair}).acquire();
  ASSERT_TRUE(hold && place);
  server.pause();
  EXPECT_FALSE(locks.mutex("c").acquire({.wait = 1500ms}));
  server.go_on();
  EXPECT_TRUE(hold->renew());
  EXPECT_TRUE(place->renew());
}

}  // namespace
}  // namespace deimos

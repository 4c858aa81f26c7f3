// Locks that follow a failover which sentinels have decided.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>

#include "backends/redis/redis_manager.h"
#include "backends/redis/redis_server.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// A master, a replica of it, and a sentinel that makes the one the other.
struct RedisFailover : testing::Test {
  RedisServer master;
  RedisServer replica{{"--replicaof", "127.0.0.1", std::to_string(master.port())}};
  RedisServer sentinel{{"sentinel monitor mymaster 127.0.0.1 " + std::to_string(master.port()) + " 1",
                        "sentinel down-after-milliseconds mymaster 1000", "sentinel failover-timeout mymaster 3000"},
                       RedisServer::Mode::sentinel};

  RedisFailover() {
    const auto is_linked = [](const std::string& said) {
      return said.find("master_link_status:up") != std::string::npos;
    };
    EXPECT_TRUE(is_linked(replica.await({"INFO", "replication"}, is_linked)));
    const auto knows_it = [](const std::string& said) { return said.find("slaves=1") != std::string::npos; };
    EXPECT_TRUE(knows_it(sentinel.await({"INFO", "sentinel"}, knows_it)));
  }
  [[nodiscard]] bool await_failover() const {
    const auto is_over = [&](const std::string& said) { return said.ends_with(std::to_string(replica.port()) + '\n'); };
    return is_over(sentinel.await({"SENTINEL", "get-master-addr-by-name", "mymaster"}, is_over));
  }
};

TEST_F(RedisFailover, IsFollowedAndTokensGoOnGrowing) {
  const RedisOptions options{.sentinels = {"127.0.0.1:1", sentinel.address()}};
  LockManager locks = manager_of(make_store(options), {.ttl = 30s});
  LockManager others = manager_of(make_store(options), {.ttl = 30s});
  auto hold = locks.mutex("a").acquire();
  ASSERT_TRUE(hold) << hold.error().describe();
  const auto has_it = [](const std::string& said) { return said != "(nil)"; };
  ASSERT_TRUE(has_it(replica.await({"GET", "/locks/a"}, has_it)));
  auto waiter = std::async(std::launch::async, [&] { return others.mutex("a").acquire(); });
  ASSERT_TRUE(master.await_listeners(1));
  master.kill();
  ASSERT_TRUE(await_failover());
  EXPECT_TRUE(hold->is_held());
  const auto renewed = hold->renew();
  EXPECT_TRUE(renewed) << renewed.error().describe();
  EXPECT_EQ(hold->release().value(), Release::freed);
  const auto next = waiter.get();
  ASSERT_TRUE(next) << next.error().describe();
  EXPECT_GT(next->fencing_token(), hold->fencing_token());
  EXPECT_NE(replica.command({"GET", "/locks/a"}), "(nil)");
}

TEST_F(RedisFailover, ForgetsWhatWasNotReplicatedAndTheHolderLearnsOfIt) {
  LockManager locks = manager_of(make_store({.sentinels = {sentinel.address()}}), {.ttl = 30s});
  LockManager others = manager_of(make_store({.sentinels = {sentinel.address()}}), {.ttl = 30s});
  replica.pause();
  ASSERT_EQ(master.command({"CLIENT", "KILL", "TYPE", "replica"}), "1");
  auto hold = locks.mutex("a").acquire();
  ASSERT_TRUE(hold) << hold.error().describe();
  master.kill();
  replica.go_on();
  ASSERT_TRUE(await_failover());
  auto next = others.mutex("a").acquire({.wait = 5s});
  ASSERT_TRUE(next) << next.error().describe();
  EXPECT_GT(next->fencing_token(), hold->fencing_token()) << "whatever fences by it refuses the first holder";
  EXPECT_EQ(hold->renew().error().code, errc::lock_not_held);
  EXPECT_FALSE(hold->is_held());
}

}  // namespace
}  // namespace deimos

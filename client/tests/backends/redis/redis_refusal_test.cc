// What users are told when the server behind an address is the wrong one, or does not want them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/redis/redis_manager.h"
#include "backends/redis/redis_server.h"
#include "http/raw_server.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// How an acquire that may wait for ever ends: at once, in all these cases.
Error refused_at_once(RedisOptions options) {
  LockManager locks = manager_of(make_store(std::move(options)));
  const auto begin = std::chrono::steady_clock::now();
  const auto hold = locks.mutex("a").acquire();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  EXPECT_FALSE(hold);
  return hold ? Error{} : hold.error();
}

/// How one fails that waits half a second: it may have passed by then, for all it knows.
Error failed_in_time(RedisOptions options) {
  LockManager locks = manager_of(make_store(std::move(options)));
  const auto hold = locks.mutex("a").acquire({.wait = 500ms});
  EXPECT_FALSE(hold);
  return hold ? Error{} : hold.error();
}

TEST(RedisFaults, OptionsThatCannotBeUsedAreRefused) {
  const auto why = [](RedisOptions options) {
    const Error error = refused_at_once(std::move(options));
    EXPECT_EQ(error.code, errc::invalid_argument);
    return error.message;
  };
  EXPECT_THAT(why({}), HasSubstr("either addresses or sentinels"));
  EXPECT_THAT(why({.addresses = {"a"}, .sentinels = {"b"}}), HasSubstr("either addresses or sentinels"));
  EXPECT_THAT(why({.addresses = {"rediss://a"}}), HasSubstr("TLS"));
  EXPECT_THAT(why({.addresses = {"http://a"}}), HasSubstr("`http://a` does not begin with redis://"));
  EXPECT_THAT(why({.addresses = {"redis://me:secret@a"}}), HasSubstr("credentials"));
  EXPECT_THAT(why({.addresses = {"a:0"}}), HasSubstr("port"));
  EXPECT_THAT(why({.addresses = {"a:6379/3"}}), HasSubstr("path"));
  EXPECT_THAT(why({.addresses = {"a"}, .database = -1}), HasSubstr("database must be from 0"));
  EXPECT_THAT(why({.addresses = {"a"}, .connect_timeout = 0s}), HasSubstr("connect_timeout"));
  EXPECT_THAT(why({.addresses = {"a"}, .look_interval = 1ms}), HasSubstr("look_interval"));
  EXPECT_THAT(why({.addresses = {"a"}, .credentials = {.user = "me"}}), HasSubstr("password"));
}

TEST(RedisFaults, AWebServerIsFoundOutAtOnce) {
  const RawServer web([](const RawConnection& connection) {
    connection.send("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    connection.wait_for_close();
  });
  const Error error = refused_at_once({.addresses = {address_of(web)}});
  EXPECT_EQ(error.code, errc::invalid_argument);
  EXPECT_THAT(error.describe(), HasSubstr("no Redis is there"));
  EXPECT_THAT(error.describe(), HasSubstr("HTTP/1.1 400 Bad Request"));
  EXPECT_THAT(error.describe(), HasSubstr(address_of(web)));
}

TEST(RedisFaults, AServerThatSaysNothingCostsTheConnectTimeout) {
  const RawServer silent([](const RawConnection& connection) { connection.wait_for_close(); });
  const RedisOptions options{.addresses = {address_of(silent)}, .connect_timeout = 200ms};
  const auto begin = std::chrono::steady_clock::now();
  const Error error = failed_in_time(options);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  EXPECT_EQ(error.code, errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr("is it Redis"));
}

TEST(RedisFaults, NobodyThereIsUnavailable) {
  RedisServer server;
  server.kill();
  const Error error = failed_in_time({.addresses = {server.address()}});
  EXPECT_EQ(error.code, errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr("refused"));
  EXPECT_THAT(error.message, HasSubstr(server.address()));
}

TEST(RedisFaults, ASentinelAndAServerAreNotTheSame) {
  const RedisServer server;
  const RedisServer sentinel({"sentinel monitor mymaster 127.0.0.1 " + std::to_string(server.port()) + " 1"},
                             RedisServer::Mode::sentinel);
  EXPECT_THAT(refused_at_once({.addresses = {sentinel.address()}}).message, HasSubstr("it is a sentinel"));
  EXPECT_THAT(refused_at_once({.sentinels = {server.address()}}).message, HasSubstr("it is no sentinel"));
  EXPECT_THAT(refused_at_once({.sentinels = {sentinel.address()}, .sentinel_master = "another"}).message,
              HasSubstr("knows no master `another`"));
  LockManager locks = manager_of(make_store({.sentinels = {sentinel.address()}}));
  EXPECT_TRUE(locks.mutex("a").acquire());
}

TEST(RedisFaults, UserAndPasswordMustBeRight) {
  const RedisServer server({"--requirepass", "secret"});
  const auto with = [&](RedisCredentials credentials) {
    return RedisOptions{.addresses = {server.address()}, .credentials = std::move(credentials)};
  };
  EXPECT_THAT(refused_at_once(with({})).message, HasSubstr("wants a password"));
  EXPECT_THAT(refused_at_once(with({.password = "wrong"})).message, HasSubstr("does not know this user and password"));
  EXPECT_THAT(refused_at_once(with({.user = "me", .password = "secret"})).message,
              HasSubstr("does not know this user"));
  LockManager locks = manager_of(make_store(with({.password = "secret"})));
  EXPECT_TRUE(locks.mutex("a").acquire());
  const RedisServer open;
  RedisOptions needless{.addresses = {open.address()}, .credentials = {.password = "secret"}};
  EXPECT_THAT(refused_at_once(std::move(needless)).message, HasSubstr("wants no password"));
}

TEST(RedisFaults, AUserWithTheRightsOfTheReadmeIsEnough) {
  const RedisServer server;
  const std::vector<std::string> user = {"ACL",         "SETUSER",   "locks",     "on",     ">secret",
                                         "~/locks/*",   "~deimos:*", "&deimos:*", "+@read", "+@write",
                                         "+@scripting", "+@pubsub",  "+select",   "+time",  "+role"};
  ASSERT_EQ(server.command(user), "OK");
  RedisOptions options{
      .addresses = {server.address()}, .credentials = {.user = "locks", .password = "secret"}, .database = 3};
  LockManager locks = manager_of(make_store(options));
  auto hold = locks.mutex("a").acquire();
  ASSERT_TRUE(hold) << hold.error().describe();
  EXPECT_EQ(server.command({"EXISTS", "/locks/a"}), "0") << "it is in the database 3";
  LockManager others = manager_of(make_store(options));
  auto next = std::async(std::launch::async, [&] { return others.mutex("a").acquire(); });
  ASSERT_TRUE(server.await_listeners(1));
  ASSERT_TRUE(hold->release());
  const auto taken = next.get();
  EXPECT_TRUE(taken);
  const auto listed = locks.list();
  ASSERT_TRUE(listed) << listed.error().describe();
  EXPECT_EQ(listed->size(), 1U);
  for (const char* less : {"-role", "resetchannels", "-time", "-@scripting", "-select"}) {
    ASSERT_EQ(server.command({"ACL", "SETUSER", "locks", less}), "OK");
    if (less == std::string_view("-role")) {
      RedisBackend store(options);
      EXPECT_TRUE(store.inspect("/locks/a", {store.runtime()->now() + 5s})) << "it can do without";
    } else {
      EXPECT_THAT(refused_at_once(options).message, HasSubstr("may not do what locks need"));
    }
  }
}

TEST(RedisFaults, ADatabaseThatIsNotThereIsRefused) {
  const RedisServer server;
  EXPECT_THAT(refused_at_once({.addresses = {server.address()}, .database = 99}).message, HasSubstr("`database`"));
}

TEST(RedisFaults, AClusterIsRefused) {
  const RedisServer server({"--cluster-enabled", "yes", "--cluster-port", std::to_string(RedisServer::free_port())});
  EXPECT_THAT(refused_at_once({.addresses = {server.address()}}).message, HasSubstr("Redis Cluster"));
}

TEST(RedisFaults, AReplicaIsNoMaster) {
  const RedisServer master;
  const RedisServer replica({"--replicaof", "127.0.0.1", std::to_string(master.port())});
  const Error error = failed_in_time({.addresses = {replica.address()}});
  EXPECT_EQ(error.code, errc::unavailable) << "it may become one";
  EXPECT_THAT(error.message, HasSubstr("is a replica: give the address of the master"));
  LockManager locks = manager_of(make_store({.addresses = {replica.address(), master.address()}}));
  EXPECT_TRUE(locks.mutex("a").acquire()) << "of several addresses, one is the master";
}

TEST(RedisFaults, AMasterThatBecomesAReplicaIsLeft) {
  const RedisServer server;
  const RedisServer another;
  LockManager locks = manager_of(make_store({.addresses = {server.address(), another.address()}}));
  ASSERT_TRUE(locks.mutex("a").acquire().value().release());
  ASSERT_EQ(server.command({"REPLICAOF", "127.0.0.1", std::to_string(another.port())}), "OK");
  auto hold = locks.mutex("a").acquire({.wait = 5s});
  ASSERT_TRUE(hold) << hold.error().describe();
  EXPECT_EQ(another.command({"EXISTS", "/locks/a"}), "1");
}

}  // namespace
}  // namespace deimos

// The backend's own laws, step by step, on a real server.
#include <deimos/redis_backend.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <stop_token>
#include <string>
#include <vector>

#include "backends/redis/redis_server.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

struct RedisSteps : testing::Test {
  RedisServer server;
  RedisBackend store{{.addresses = {server.address()}, .look_interval = 60s}};

  [[nodiscard]] TimePoint now() const { return store.runtime()->now(); }
  [[nodiscard]] Deadline soon() const { return {now() + 5s}; }
  [[nodiscard]] std::uint64_t granted(const std::string& key, const std::string& token,
                                      std::chrono::seconds ttl = 10s) {
    const auto answer = store.acquire(key, token, ttl, soon());
    if (!answer || !std::holds_alternative<Granted>(*answer)) return 0;
    return std::get<Granted>(*answer).fencing_token;
  }
  [[nodiscard]] LockRecord record(const std::string& key) {
    const auto seen = store.inspect(key, soon());
    return seen && seen->record ? *seen->record : LockRecord{};
  }
  [[nodiscard]] std::uint64_t revision() { return store.inspect("/locks/nothing", soon()).value().revision; }
  [[nodiscard]] std::vector<std::string> names(const std::string& prefix) {
    std::vector<std::string> all;
    const Listing listing = store.list(prefix, soon()).value();
    for (const LockRecord& each : listing.records) all.push_back(each.key);
    return all;
  }
  /// What wait() says, asked by another thread.
  std::future<Result<std::optional<Change>>> waiting(const std::string& key, std::uint64_t from, bool below = false,
                                                     std::chrono::seconds longest = 30s, std::stop_token stop = {}) {
    return std::async(std::launch::async, [=, this] {
      const Deadline until{now() + longest, stop};
      return below ? store.wait_for_any_change(key, from, until) : store.wait_for_change(key, from, until);
    });
  }
};

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

TEST_F(RedisSteps, InspectOfAnEmptyStoreHasARevisionToWaitFrom) {
  const auto seen = store.inspect("/locks/a", soon());
  ASSERT_TRUE(seen) << seen.error().describe();
  EXPECT_FALSE(seen->record);
  auto change = waiting("/locks", seen->revision + 1, true);
  ASSERT_TRUE(server.await_listeners(1));
  ASSERT_GT(granted("/locks/a", "one"), 0U);
  const auto told = change.get();
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
  const std::uint64_t first = granted("/locks/a", "one");
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
  ASSERT_FALSE(store.wait_for_change("/locks/a", first + 1, {now() + 30ms}).value());
  const int before = connections();
  for (int i = 0; i < 20; ++i) {
    ASSERT_FALSE(store.wait_for_change("/locks/a", first + 1, {now() + 10ms}).value());
    ASSERT_TRUE(store.inspect("/locks/a", soon()));
  }
  EXPECT_EQ(connections() - before, 1) << "one more, of the test itself";
}

// ---- other clients -------------------------------------------------------------------------------------------------

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
  server.command({"SET", "/locks/a", "foreign", "NX", "PX", "300"});
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

// ---- queues and lists ----------------------------------------------------------------------------------------------

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

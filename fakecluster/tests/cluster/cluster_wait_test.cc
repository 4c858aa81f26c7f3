// The wait for a condition, by a clock of the cluster's own and by one that moves by itself; and plans of faults.
#include <chrono>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include <deimos/fake/clock_driver.h>
#include <deimos/fake/fault_json.h>

#include "cluster/cluster_fixture.h"

namespace deimos::fake {
namespace {

using testing::HasSubstr;

class ClusterWait : public ClusterFixture {
 protected:
  void SetUp() override { start({.nodes = 3, .seed = 4, .journal_entries = 100}); }
  std::string miss(const Condition& condition, std::chrono::nanoseconds within = {}) {
    const WaitResult result = cluster().wait_until(condition, {.within = within});
    EXPECT_FALSE(result.held) << result.text;
    return result.text;
  }
};

TEST_F(ClusterWait, MovesTheClockToTheInstantAtWhichItHolds) {
  put(1, "/a", "value=1&ttl=5");
  const WaitResult result = cluster().wait_until(KeyAbsent{"/a"}, {.within = 1min});
  EXPECT_TRUE(result.held) << result.text;
  EXPECT_EQ(result.waited, 5s) << "at the first sweep";
  EXPECT_EQ(cluster().now(), ManualClock::epoch + 5s);
  EXPECT_EQ(result.at, cluster().now());
  EXPECT_THAT(result.text, HasSubstr("'/a' is not there; the nearest that is: '/'"));
}

TEST_F(ClusterWait, HoldsAtOnceWithoutMovingTheClock) {
  EXPECT_TRUE(cluster().wait_until(LeaderIs{1}).held);
  EXPECT_EQ(cluster().now(), ManualClock::epoch);
}

TEST_F(ClusterWait, WaitsNoLongerThanItMay) {
  put(1, "/a", "value=1&ttl=5");
  const WaitResult result = cluster().wait_until(KeyAbsent{"/a"}, {.within = 4999ms});
  EXPECT_FALSE(result.held);
  EXPECT_EQ(result.waited, 4999ms);
  EXPECT_EQ(cluster().now(), ManualClock::epoch + 4999ms);
  EXPECT_EQ(result.text, "4.999s passed without: '/a' is not there. '/a' has the value '1'");
  EXPECT_TRUE(cluster().wait_until(KeyAbsent{"/a"}, {.within = 1ms}).held) << "at the deadline is in time";
}

TEST_F(ClusterWait, SaysTheNearestMissOfEachCondition) {
  put(1, "/dir/a", "value=1");
  EXPECT_EQ(miss(KeyExists{"/dir/b/c"}),
            "0s passed without: '/dir/b/c' is there. '/dir/b/c' is not there; the nearest that is: '/dir'");
  EXPECT_THAT(miss(KeyHasValue{"/dir/a", "2"}), HasSubstr("'/dir/a' has the value '2'. '/dir/a' has the value '1'"));
  EXPECT_THAT(miss(KeyHasValue{"/dir", ""}), HasSubstr("'/dir' is a directory"));
  EXPECT_THAT(miss(LeaderIs{2}), HasSubstr("node 2 leads. node 1 leads, in term 1"));
  EXPECT_THAT(miss(JournalHas{{.method = "PUT", .key = "/x"}, 2}), HasSubstr("(not its key)"));
  const Asked open = watch(2, "/w/a");
  EXPECT_THAT(miss(WatchesOpen{.at_least = 2, .key = "/w/*"}),
              HasSubstr("open watches of /w/*: 0 at node 1, 1 at node 2, 0 at node 3"));
  EXPECT_THAT(miss(WatchesOpen{.at_least = 0, .at_most = 0}), HasSubstr("exactly 0 watches open"));
  cluster().partition({1}, {2}, {3});
  EXPECT_THAT(miss(LeaderIs{}), HasSubstr("some node leads. nobody leads a majority, in term 1"));
  cluster().abandon(open.ticket);
}

TEST_F(ClusterWait, HoldsForEachCondition) {
  put(1, "/dir/a", "value=1");
  const Asked open = watch(2, "/w/a");
  for (const Condition& condition : std::vector<Condition>{
           KeyExists{"/dir"}, KeyExists{"/dir/a", 3}, KeyAbsent{"/dir/b"}, KeyAbsent{"/dir/b", 2},
           KeyHasValue{"/dir/a", "1"}, KeyHasValue{"/dir/a", "1", 2}, JournalHas{{.method = "PUT"}}, LeaderIs{},
           LeaderIs{1}, WatchesOpen{}, WatchesOpen{.at_least = 1, .at_most = 1, .node = 2, .key = "/w/**"},
           WatchesOpen{.at_least = 0, .at_most = 0, .node = 1}}) {
    EXPECT_TRUE(cluster().wait_until(condition, {.within = 0s}).held) << describe(condition);
  }
  cluster().abandon(open.ticket);
}

TEST_F(ClusterWait, AForgottenWatchIsNotOpen) {
  const Asked open = watch(2, "/w/a");
  cluster().forget_watchers();
  EXPECT_THAT(miss(WatchesOpen{.key = "/w/*"}), HasSubstr("0 at node 2"));
  EXPECT_THAT(miss(WatchesOpen{}), HasSubstr("0 at node 2"));
}

TEST_F(ClusterWait, LooksAtTheNodeThatItIsAskedOf) {
  cluster().lag(3, 2s);
  put(1, "/a", "value=1");
  EXPECT_EQ(cluster().wait_until(KeyExists{"/a"}).waited, 0s);
  EXPECT_EQ(cluster().wait_until(KeyExists{"/a", 1}).waited, 0s);
  EXPECT_THAT(miss(KeyExists{"/a", 3}, 1s), HasSubstr("'/a' is not there at node 3"));
  cluster().advance(1s);
  EXPECT_TRUE(cluster().wait_until(KeyExists{"/a", 3}, {.within = 0s}).held);
}

TEST_F(ClusterWait, WaitsForAnElection) {
  cluster().isolate(1);
  const WaitResult result = cluster().wait_until(LeaderIs{}, {.within = 1min});
  EXPECT_TRUE(result.held);
  EXPECT_GT(result.waited, 1s);
  EXPECT_NE(cluster().leader(), 0u);
}

TEST_F(ClusterWait, GivesClientsRealTimeToAct) {
  put(1, "/lease", "value=1&ttl=5");
  // A client on the network: it hears in its own time that the lease has ended, and then takes it.
  std::promise<void> free;
  std::jthread client([&] {
    free.get_future().wait();
    put(2, "/lease", "value=2");
  });
  bool told = false;
  cluster().set_observer([&](const AuditRecord& record) {
    if (record.kind == Command::Kind::sweep && !std::exchange(told, true)) free.set_value();
  });
  const WaitResult result = cluster().wait_until(KeyHasValue{"/lease", "2"}, {.within = 1min, .settle = 3s});
  EXPECT_TRUE(result.held) << result.text;
  EXPECT_EQ(result.waited, 5s);
}

TEST_F(ClusterWait, IsStoppedFromOutside) {
  std::stop_source source;
  source.request_stop();
  const WaitResult result = cluster().wait_until(KeyExists{"/a"}, {.within = 1min}, source.get_token());
  EXPECT_THAT(result.text, HasSubstr("the wait was stopped without"));
  EXPECT_EQ(result.waited, 0s);
}

TEST_F(ClusterWait, RefusesWhatMakesNoSense) {
  for (const Condition& condition : std::vector<Condition>{
           KeyExists{"a"}, KeyExists{"/a", 4}, KeyHasValue{"/a/", "1"}, JournalHas{{.node = 9}}, LeaderIs{4},
           WatchesOpen{.at_least = 2, .at_most = 1}, WatchesOpen{.key = std::string(513, 'k')}}) {
    EXPECT_THROW(cluster().wait_until(condition), std::invalid_argument) << describe(condition);
  }
  EXPECT_THROW(cluster().wait_until(LeaderIs{}, {.within = -1s}), std::invalid_argument);
  EXPECT_THROW(cluster().wait_until(LeaderIs{}, {.settle = -1ms}), std::invalid_argument);
  start({});
  EXPECT_THROW(cluster().wait_until(JournalHas{}), std::logic_error);
}

class RealTimeWait : public ClusterFixture {
 protected:
  void SetUp() override {
    start({.nodes = 3, .clock = &clock_, .journal_entries = 10});
    driver_.emplace(cluster());
  }
  std::future<WaitResult> begin(Condition condition, std::chrono::nanoseconds within) {
    return std::async(std::launch::async, [this, condition = std::move(condition), within] {
      return cluster().wait_until(condition, {.within = within});
    });
  }
  void TearDown() override {
    driver_.reset();
    start({});  // The clock outlives the cluster that it was given to.
  }

  const SystemClock clock_{};
  std::optional<ClockDriver> driver_;
};

TEST_F(RealTimeWait, EndsWhenItHolds) {
  auto waiting = begin(JournalHas{{.method = "PUT"}, 2}, 1min);
  put(1, "/a", "value=1");
  put(1, "/a", "value=2");
  EXPECT_TRUE(waiting.get().held);
}

TEST_F(RealTimeWait, EndsAtItsDeadline) {
  const WaitResult result = cluster().wait_until(KeyExists{"/never"}, {.within = 20ms});
  EXPECT_FALSE(result.held);
  EXPECT_GE(result.waited, 20ms);
  EXPECT_THAT(result.text, HasSubstr("20ms passed without"));
}

TEST_F(RealTimeWait, EndsWithAReset) {
  auto waiting = begin(KeyExists{"/never"}, 1min);
  // Until it has begun, there is no wait to end: its alarm is what it leaves to see.
  while (waiting.wait_for(1ms) != std::future_status::ready) cluster().reset();
  EXPECT_THAT(waiting.get().text, HasSubstr("the cluster was reset without"));
}

TEST_F(RealTimeWait, EndsWhenTheClusterIsClosed) {
  auto waiting = begin(KeyExists{"/never"}, 1min);
  cluster().close();
  EXPECT_THAT(waiting.get().text, HasSubstr("the cluster was closed without"));
}

TEST_F(ClusterWait, APlanHappensAtItsInstants) {
  const Plan plan = plan_from_json(R"({"faults": [
    {"kind": "rejoin", "node": 2, "after": "5s"}, {"kind": "isolate", "node": 2, "after": "1s"}, "forget_watchers",
    {"kind": "crash", "node": 3}], "left_out": ["crash of client 'one'"]})");
  EXPECT_EQ(cluster().run(plan), (std::vector<FaultId>{1, 2, 0, 0}));
  EXPECT_FALSE(cluster().state().nodes[2].running) << "what has no instant happens at once";
  cluster().advance(1s);
  EXPECT_TRUE(cluster().state().nodes[1].reaches.empty());
  cluster().advance(4s);
  EXPECT_FALSE(cluster().state().nodes[1].reaches.empty());
  EXPECT_EQ(plan_from_json(to_json(plan)), plan);
  EXPECT_EQ(to_json(Plan{{{1500ms, Isolate{2}}}}),
            "{\"faults\": [\n  {\"kind\":\"isolate\",\"node\":2,\"after\":\"1.5s\"}\n]}");
  EXPECT_EQ(plan_from_json(to_json(Plan{})), Plan{});
}

TEST_F(ClusterWait, APlanThatCannotBeChangesNothing) {
  for (const auto& [json, why] : std::vector<std::pair<const char*, const char*>>{
           {"[]", "expected a plan, as an object"},
           {"{}", "expected a plan, as {"},
           {R"({"faults": {}})", "faults: expected an array"},
           {R"({"faults": [], "seed": 1})", "'plan' has no field 'seed'"},
           {R"({"faults": [], "left_out": "one"})", "left_out: expected an array"},
           {R"({"faults": ["heal", {"kind": "crash", "after": 1}]})", "faults[1].after: expected a duration"},
           {R"({"faults": ["heal", {"kind": "crash", "nodes": 1}]})", "faults[1]: 'crash' has no field 'nodes'"},
           {R"({"faults": [{"kind": "crash", "node": 1}, {"kind": "crash", "node": 4}]})",
            "faults[1]: there is no node 4"},
           {R"({"faults": [{"kind": "crash", "node": 1}, {"kind": "heal", "after": "-1s"}]})",
            "faults[1]: a fault after a"},
           {R"({"faults": [{"kind": "crash", "node": 1}, {"kind": "heal", "after": "9223372036s"}]})", "end of time"},
           {R"({"faults": [{"kind": "crash", "node": 1}, {"kind": "step_clock", "node": 1, "by": "2000000h"}]})",
            "the clock would overflow"},
       }) {
    const std::string before = cluster().describe();
    try {
      cluster().run(plan_from_json(json));
      ADD_FAILURE() << json;
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), HasSubstr(why)) << json;
    }
    EXPECT_EQ(cluster().describe(), before) << json;
  }
}

}  // namespace
}  // namespace deimos::fake

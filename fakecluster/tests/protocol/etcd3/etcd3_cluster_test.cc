// The etcd3 dialect of three nodes: leaders, faults, rules, time.
#include <memory>
#include <string>

#include <gmock/gmock.h>

#include <deimos/fake/cluster.h>
#include <deimos/fake/node.h>

#include "protocol/etcd3/gateway_calls.h"
#include "protocol/recorded_reply.h"

namespace deimos::fake {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

/// Three nodes, of which the first leads.
class Etcd3Cluster : public testing::Test {
 protected:
  std::shared_ptr<RecordedReply> send(NodeId node, const Request& request) {
    auto reply = std::make_shared<RecordedReply>();
    cluster.node(node).handle(request, reply);
    return reply;
  }
  Response ask(NodeId node, const Request& request) {
    const auto reply = send(node, request);
    for (int tenths = 0; !reply->answered && tenths < 150; ++tenths) cluster.advance(100ms);
    return reply->response;
  }

  Cluster cluster{{.nodes = 3, .dialect = Dialect::etcd3, .request_timeout = 7s}};
};

TEST_F(Etcd3Cluster, EveryNodeTakesWritesAndReadsAreLinearizable) {
  EXPECT_EQ(ask(2, put("a", "1")).status, 200);
  EXPECT_THAT(ask(3, range("a")).body, HasSubstr(R"("value":"MQ==")"));
  cluster.partition({1, 2}, {3});
  EXPECT_EQ(ask(1, put("a", "2")).status, 200);
  EXPECT_THAT(ask(3, range("a", R"(,"serializable":true)")).body, HasSubstr(R"("value":"MQ==")"));
  const Response refused = ask(3, range("a"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.body, R"({"error":"etcdserver: request timed out",)"
                          R"("message":"etcdserver: request timed out","code":14})");
  const auto late = send(3, range("a"));
  cluster.advance(1s);
  EXPECT_FALSE(late->answered);
  cluster.heal();
  EXPECT_THAT(late->response.body, HasSubstr(R"("value":"Mg==")"));
}

TEST_F(Etcd3Cluster, NodesAreToldApart) {
  const std::string members = ask(2, call("/cluster/member/list")).body;
  EXPECT_THAT(members, HasSubstr(R"("name":"node3","peerURLs":["http://127.0.0.1:7003"])"));
  const std::string one = ask(1, call("/maintenance/status")).body;
  const std::string other = ask(2, call("/maintenance/status")).body;
  EXPECT_NE(one, other);
  EXPECT_EQ(one.substr(one.find("\"leader\"")), other.substr(other.find("\"leader\"")));
}

TEST_F(Etcd3Cluster, NewLeaderGivesEveryLeaseAllItsTimeAgain) {
  ask(1, grant(7, 10));
  ask(2, put("a", "1", 7));
  cluster.advance(9s);
  cluster.change_leader(2);
  // The lease's time, and that of an election in which its owner may have heard of nobody.
  EXPECT_THAT(ask(3, of_lease("timetolive", 7)).body, HasSubstr(R"("TTL":"11","grantedTTL":"10")"));
  cluster.advance(11400ms);
  EXPECT_EQ(cluster.state().nodes[1].keys, 1U);
  cluster.advance(700ms);
  EXPECT_EQ(cluster.state().nodes[1].keys, 0U);
}

TEST_F(Etcd3Cluster, LeaderThatComesBackKnowsNothingFromBefore) {
  ask(1, grant(7, 10));
  cluster.change_leader(2);
  cluster.advance(5s);
  ask(2, grant(8, 10));
  cluster.change_leader(1);
  EXPECT_THAT(ask(1, of_lease("timetolive", 7)).body, HasSubstr(R"("TTL":"11")"));
  EXPECT_THAT(ask(1, of_lease("timetolive", 8)).body, HasSubstr(R"("TTL":"11")"));
}

TEST_F(Etcd3Cluster, LeaseRunsByTheLeadersClock) {
  cluster.apply(SetClockRate{1, 2.0});
  ask(1, grant(7, 10));
  ask(1, put("a", "1", 7));
  cluster.advance(4900ms);
  EXPECT_EQ(cluster.state().nodes[2].keys, 1U);
  cluster.advance(700ms);
  EXPECT_EQ(cluster.state().nodes[2].keys, 0U);
}

TEST_F(Etcd3Cluster, LeaderThatIsCutOffKeepsAliveInVain) {
  ask(1, grant(7, 10));
  ask(1, put("a", "1", 7));
  cluster.isolate(1);
  EXPECT_THAT(ask(1, of_lease("keepalive", 7)).body, HasSubstr(R"("TTL":"10")")) << "it does not know yet";
  cluster.advance(2s);
  const auto refused = send(1, of_lease("keepalive", 7));
  EXPECT_FALSE(refused->answered);
  cluster.advance(7s);
  EXPECT_EQ(refused->response.status, 503);
  EXPECT_NE(cluster.leader(), 1U);
  EXPECT_THAT(ask(cluster.leader(), of_lease("keepalive", 7)).body, HasSubstr(R"("TTL":"10")"));
}

TEST_F(Etcd3Cluster, KeepAliveWaitsForALeader) {
  ask(1, grant(7, 10));
  cluster.crash(1);
  const auto kept = send(2, of_lease("keepalive", 7));
  EXPECT_FALSE(kept->answered);
  cluster.advance(5s);
  EXPECT_THAT(kept->response.body, HasSubstr(R"("TTL":"10")"));
}

TEST_F(Etcd3Cluster, NothingEndsWithoutALeader) {
  ask(1, grant(7, 2));
  ask(1, put("a", "1", 7));
  cluster.crash(2);
  cluster.crash(3);
  cluster.advance(60s);
  EXPECT_THAT(ask(1, range("a", R"(,"serializable":true)")).body, HasSubstr("kvs"));
  cluster.restart(2);
  cluster.advance(10s);
  EXPECT_THAT(ask(1, range("a")).body, Not(HasSubstr("kvs")));
}

TEST_F(Etcd3Cluster, EachNodeTellsItsStreamsWhatItHasApplied) {
  const auto one = send(1, watch("a"));
  const auto cut_off = send(3, watch("a"));
  cluster.partition({1, 2}, {3});
  ask(2, put("a", "1"));
  EXPECT_THAT(one->parts, SizeIs(2));
  EXPECT_THAT(cut_off->parts, SizeIs(1));
  cluster.heal();
  ASSERT_THAT(cut_off->parts, SizeIs(2));
  EXPECT_THAT(cut_off->parts[1], HasSubstr(R"("mod_revision":"2")"));
  cluster.crash(3);
  EXPECT_THAT(cut_off->breaks, SizeIs(1));
  ask(1, put("a", "2"));
  cluster.restart(3);
  const auto again = send(3, watch("a", R"(,"start_revision":"2")"));
  ASSERT_THAT(again->parts, SizeIs(2));
  EXPECT_THAT(again->parts[1], HasSubstr(R"("mod_revision":"3")"));
}

TEST_F(Etcd3Cluster, NodeThatLaggedTooFarRestartsFromASnapshot) {
  Cluster small({.nodes = 3, .dialect = Dialect::etcd3, .log_entries = 10});
  const auto watched = std::make_shared<RecordedReply>();
  small.node(3).handle(watch("a"), watched);
  small.partition({1, 2}, {3});
  for (int i = 0; i < 50; ++i) ASSERT_EQ(small.node(1).handle(put("a", std::to_string(i))).status, 200);
  small.heal();
  EXPECT_THAT(small.node(3).handle(range("a")).body, HasSubstr(R"("version":"50")"));
  EXPECT_THAT(watched->breaks, SizeIs(1));
  const auto again = std::make_shared<RecordedReply>();
  small.node(3).handle(watch("a", R"(,"start_revision":"50")"), again);
  EXPECT_THAT(again->parts.at(1), HasSubstr(R"("mod_revision":"51")")) << "an etcd's snapshot has its history";
}

TEST_F(Etcd3Cluster, FaultsMeanWhatTheyCan) {
  ask(1, grant(7, 100));
  ask(1, put("/locks/a", "1", 7));
  ask(1, put("/locks/b", "1", 7));
  const auto deaf = send(2, watch("/locks/a"));
  cluster.apply(ForgetWatchers{2, "/locks/*"});
  cluster.expire("/locks/a");
  EXPECT_EQ(cluster.state().nodes[2].keys, 0U) << "its lease ends, with all that is on it";
  EXPECT_THAT(deaf->parts, SizeIs(1));
  cluster.apply(WipeHistory{});
  const auto late = send(3, watch("/locks/a", R"(,"start_revision":"2")"));
  ASSERT_THAT(late->parts, SizeIs(2));
  EXPECT_THAT(late->parts[1], HasSubstr(R"("canceled":true,"compact_revision":"4")"));
}

TEST_F(Etcd3Cluster, ConditionsLookIntoIt) {
  const auto holds = [&](const Condition& condition) { return cluster.wait_until(condition, {.within = 1s}).held; };
  EXPECT_TRUE(holds(KeyAbsent{"/a"}));
  ask(1, put("/a", "1"));
  EXPECT_TRUE(holds(KeyHasValue{"/a", "1"}));
  EXPECT_FALSE(holds(KeyAbsent{"/a"}));
  EXPECT_TRUE(holds(WatchesOpen{.at_least = 0, .at_most = 0, .key = "/a"}));
  const auto watched = send(2, watch("/a"));
  EXPECT_TRUE(holds(WatchesOpen{.node = 2, .key = "/a"}));
  EXPECT_TRUE(holds(WatchesOpen{.at_least = 0, .at_most = 0, .key = "/b"}));
}

TEST_F(Etcd3Cluster, RulesKnowTheCall) {
  cluster.add_rule({"", {.method = "POST", .key = "/kv/put", .parameter = base64("lost")}, DropAnswer{}});
  cluster.add_rule({"", {.method = "WATCH"}, Answer{.status = 503, .body = "no"}});
  EXPECT_FALSE(send(1, put("lost", "1"))->answered);
  EXPECT_EQ(ask(1, put("kept", "1")).status, 200);
  EXPECT_THAT(ask(1, range("lost")).body, HasSubstr("kvs"));
  EXPECT_EQ(ask(1, watch("a")).body, "no");
}

TEST_F(Etcd3Cluster, AuditTellsOfEveryKey) {
  std::string told;
  cluster.set_observer([&](const AuditRecord& record) {
    told += record.key + "=" + record.value + (record.kind == Command::Kind::sweep ? " swept " : " ");
  });
  ask(1, grant(7, 2));
  ask(2, call("/kv/txn", R"({"success":[{"request_put":{"key":"YQ==","value":"MQ==","lease":"7"}},)"
                         R"({"request_put":{"key":"Yg==","value":"Mg=="}}]})"));
  cluster.advance(3s);
  EXPECT_EQ(told, "a=1 b=2 a= swept ");
}

TEST_F(Etcd3Cluster, PausedNodeAnswersWhenItGoesOn) {
  cluster.pause(2);
  const auto made = send(2, put("a", "1"));
  cluster.advance(3s);
  EXPECT_FALSE(made->answered);
  cluster.resume(2);
  EXPECT_EQ(made->response.status, 200);
}

}  // namespace
}  // namespace deimos::fake

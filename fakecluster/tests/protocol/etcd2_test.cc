// The etcd2 dialect: what its side-by-side comparison with a real etcd cannot show. Exact text, clusters, faults,
// rules.
#include <memory>
#include <string>

#include <gmock/gmock.h>

#include <deimos/fake/cluster.h>
#include <deimos/fake/node.h>

#include "protocol/recorded_reply.h"

namespace deimos::fake {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Request get(std::string target) { return {"GET", std::move(target), {}, {}, {}}; }
Request head(std::string target) { return {"HEAD", std::move(target), {}, {}, {}}; }
Request put(std::string target, std::string form) {
  return {"PUT", std::move(target), {}, std::move(form), "application/x-www-form-urlencoded"};
}

std::string header(const Response& response, std::string_view name) {
  const std::string* value = find_header(response.headers, name);
  return value != nullptr ? *value : "";
}

TEST(Etcd2, AnswersAsEtcdWritesIt) {
  Node node({.dialect = Dialect::etcd2});
  const Response set = node.handle(put("/v2/keys/a", "value=%3C&ttl=5"));
  EXPECT_EQ(set.status, 201);
  EXPECT_EQ(set.body,
            R"({"action":"set","node":{"key":"/a","value":"\u003c","expiration":"2026-01-01T00:00:05Z","ttl":5,)"
            R"("modifiedIndex":4,"createdIndex":4}})"
            "\n");
  EXPECT_EQ(header(set, "X-Etcd-Index"), "4");
  EXPECT_EQ(header(set, "X-Etcd-Cluster-Id").size(), 16U);
  const Response missing = node.handle(get("/v2/keys/b"));
  EXPECT_EQ(missing.body, R"({"errorCode":100,"message":"Key not found","cause":"/b","index":4})"
                          "\n");
  EXPECT_EQ(header(missing, "Content-Type"), "application/json");
  EXPECT_EQ(node.handle(get("/v2/keys")).body.substr(0, 40), R"({"action":"get","node":{"dir":true,"node)");
  EXPECT_EQ(node.handle(get("/keys/a")).status, 404);
}

TEST(Etcd2, ARefreshKeepsTheValueAndWakesNobody) {
  Node node({.dialect = Dialect::etcd2});
  static_cast<void>(node.handle(put("/v2/keys/a", "value=1&ttl=5")));
  const auto watch = std::make_shared<RecordedReply>();
  node.handle(get("/v2/keys/a?wait=true&stream=true"), watch);
  node.advance(4s);
  EXPECT_THAT(node.handle(put("/v2/keys/a", "refresh=true&ttl=5&prevExist=true")).body, HasSubstr(R"("value":"1")"));
  node.advance(4s);
  EXPECT_EQ(node.handle(get("/v2/keys/a")).status, 200);
  EXPECT_THAT(watch->parts, testing::IsEmpty());
  node.advance(2s);
  EXPECT_EQ(node.handle(get("/v2/keys/a")).status, 404);
  EXPECT_THAT(watch->parts, testing::Each(HasSubstr("expire")));
}

/// Three nodes, of which the first leads.
class Etcd2Cluster : public testing::Test {
 protected:
  Response ask(NodeId node, const Request& request) {
    const auto reply = std::make_shared<RecordedReply>();
    cluster.node(node).handle(request, reply);
    for (int tenths = 0; !reply->answered && tenths < 150; ++tenths) cluster.advance(100ms);
    return reply->response;
  }

  Cluster cluster{{.nodes = 3, .dialect = Dialect::etcd2, .request_timeout = 7s}};
};

TEST_F(Etcd2Cluster, BeginsAsEtcdDoes) {
  EXPECT_EQ(header(ask(2, get("/v2/keys")), "X-Etcd-Index"), "7");
  EXPECT_THAT(ask(1, get("/v2/stats/store")).body, HasSubstr(R"("setsSuccess":4)"));
  EXPECT_EQ(ask(3, get("/v2/machines")).body, "http://127.0.0.1:4001, http://127.0.0.1:4002, http://127.0.0.1:4003");
}

TEST_F(Etcd2Cluster, ReadsAreStaleUnlessTheyAskForAQuorum) {
  ASSERT_EQ(ask(1, put("/v2/keys/a", "value=old")).status, 201);
  EXPECT_THAT(ask(3, get("/v2/keys/a")).body, HasSubstr("old"));
  cluster.partition({1, 2}, {3});
  ASSERT_EQ(ask(1, put("/v2/keys/a", "value=new")).status, 200);
  EXPECT_THAT(ask(3, get("/v2/keys/a")).body, HasSubstr("old"));
  EXPECT_EQ(ask(3, head("/v2/keys/a")).status, 200);
  const Response refused = ask(3, get("/v2/keys/a?quorum=true"));
  EXPECT_EQ(refused.status, 500);
  EXPECT_EQ(refused.body, R"({"errorCode":300,"message":"Raft Internal Error",)"
                          R"("cause":"etcdserver: request timed out","index":0})"
                          "\n");
  EXPECT_THAT(ask(2, get("/v2/keys/a?quorum=true")).body, HasSubstr("new"));
}

TEST_F(Etcd2Cluster, PagesTellWhoLeadsAndWhoHasAQuorum) {
  EXPECT_THAT(ask(1, get("/v2/stats/self")).body, HasSubstr("StateLeader"));
  EXPECT_THAT(ask(2, get("/v2/stats/self")).body, HasSubstr("StateFollower"));
  EXPECT_EQ(ask(2, get("/v2/stats/leader")).status, 403);
  EXPECT_EQ(ask(1, get("/v2/stats/leader")).status, 200);
  EXPECT_THAT(ask(3, get("/v2/members/leader")).body, HasSubstr(R"("name":"node1")"));
  EXPECT_EQ(ask(3, get("/health")).body, R"({"health":"true"})");
  cluster.isolate(1);
  EXPECT_EQ(ask(1, get("/health")).status, 503);
  EXPECT_EQ(ask(1, get("/v2/members/leader")).status, 503);
  cluster.advance(10s);
  EXPECT_EQ(ask(2, get("/health")).status, 200);
  EXPECT_THAT(ask(2, get("/v2/members/leader")).body, testing::Not(HasSubstr(R"("name":"node1")")));
}

TEST_F(Etcd2Cluster, RulesAndFaultsKnowTheKey) {
  cluster.add_rule({"", {.method = "PUT", .key = "/locks/*", .parameter = "prevExist=false", .nth = 1}, DropRequest{}});
  cluster.add_rule({"", {.method = "WATCH", .key = "/jobs"}, Answer{.error_code = 401, .body = "why"}});
  const auto lost = std::make_shared<RecordedReply>();
  cluster.node(1).handle(put("/v2/keys/locks/a", "value=1&prevExist=false"), lost);
  EXPECT_FALSE(lost->answered);
  EXPECT_EQ(ask(1, put("/v2/keys/locks/a", "value=1&prevExist=false")).status, 201);
  EXPECT_EQ(
      ask(1, get("/v2/keys/jobs?wait=true")).body,
      R"({"errorCode":401,"message":"The event in requested index is outdated and cleared","cause":"why","index":0})"
      "\n");
  cluster.expire("/locks/a");
  EXPECT_EQ(ask(2, get("/v2/keys/locks/a?quorum=true")).status, 404);
}

TEST_F(Etcd2Cluster, ANodeRestartsFromItsLogWithTheSameStore) {
  ASSERT_EQ(ask(1, put("/v2/keys/a", "value=1")).status, 201);
  cluster.crash(3);
  ASSERT_EQ(ask(1, put("/v2/keys/a", "value=2")).status, 200);
  cluster.restart(3);
  EXPECT_THAT(ask(3, get("/v2/keys/a?quorum=true")).body, HasSubstr(R"("value":"2")"));
}

}  // namespace
}  // namespace deimos::fake

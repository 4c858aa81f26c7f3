// The etcd3 dialect at one node: what its side-by-side comparison with a real etcd cannot show. Exact text, bounds,
// time.
#include <memory>
#include <string>

#include <gmock/gmock.h>

#include <deimos/fake/cluster.h>
#include <deimos/fake/in_process_transport.h>
#include <deimos/fake/node.h>
#include <deimos/thread_runtime.h>

#include "protocol/etcd3/gateway_calls.h"
#include "protocol/recorded_reply.h"

namespace deimos::fake {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class Etcd3 : public testing::Test {
 protected:
  Response ask(const Request& request) { return node.handle(request); }
  std::shared_ptr<RecordedReply> stream(const Request& request) {
    auto reply = std::make_shared<RecordedReply>();
    node.handle(request, reply);
    return reply;
  }

  Node node{{.dialect = Dialect::etcd3}};
};

TEST_F(Etcd3, AnswersAsEtcdWritesIt) {
  const Response made = ask(put("a", "<\xff>"));
  EXPECT_EQ(made.status, 200);
  EXPECT_THAT(made.body,
              testing::MatchesRegex(
                  R"(\{"header":\{"cluster_id":"[0-9]+","member_id":"[0-9]+","revision":"2","raft_term":"1"\}\})"));
  EXPECT_THAT(
      ask(range("a")).body,
      HasSubstr(R"("kvs":[{"key":"YQ==","create_revision":"2","mod_revision":"2","version":"1","value":"PP8+"}],)"
                R"("count":"1"})"));
  const Response refused = ask(range(""));
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.body, R"({"error":"etcdserver: key is not provided",)"
                          R"("message":"etcdserver: key is not provided","code":3})");
  EXPECT_EQ(*find_header(refused.headers, "Content-Type"), "application/json");
  EXPECT_EQ(ask({"POST", "/v3beta/kv/range", {}, R"({"key":"YQ=="})", {}}).status, 200);
  EXPECT_EQ(ask({"GET", "/v2/keys/a", {}, {}, {}}).status, 404);
  EXPECT_EQ(ask(call("/maintenance/alarm")).status, 501);
}

TEST_F(Etcd3, IsBounded) {
  const auto txn_of = [](int operations) {
    std::string steps;
    for (int i = 0; i < operations; ++i) {
      if (i != 0) steps += ',';
      steps.append(R"({"request_put":{"key":")").append(base64(std::to_string(i))).append("\"}}");
    }
    return call("/kv/txn", "{\"success\":[" + steps + "]}");
  };
  EXPECT_EQ(ask(txn_of(128)).status, 200);
  const Response refused = ask(txn_of(129));
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("too many operations in txn request"));
  EXPECT_EQ(ask(put("big", std::string(1 << 20, 'x'))).status, 200);
  const Response too_big = ask(put("big", std::string(3 << 19, 'x')));
  EXPECT_EQ(too_big.status, 400);
  EXPECT_THAT(too_big.body, HasSubstr("request is too large"));
  std::string deep = "{}";
  for (int i = 0; i < 130; ++i) deep.insert(0, R"({"success":[{"request_txn":)").append("}]}");
  EXPECT_THAT(ask(call("/kv/txn", deep)).body, HasSubstr("too many operations"));
  EXPECT_EQ(ask(call("/kv/txn", std::string(100'000, '['))).status, 400);
}

TEST(Etcd3Space, WhatDoesNotFitIsRefusedUntilEnoughIsCompacted) {
  Node node({.limits = {.version_bytes = 10'000}, .dialect = Dialect::etcd3});
  int puts = 0;
  while (puts < 100 && node.handle(put("a", std::string(1000, 'x'))).status == 200) ++puts;
  EXPECT_GE(puts, 8);
  EXPECT_LT(puts, 10);
  const Response refused = node.handle(put("b", std::string(1000, 'x')));
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.body, HasSubstr(R"("etcdserver: mvcc: database space exceeded","code":8)"));
  EXPECT_EQ(node.statistics().index, static_cast<std::uint64_t>(puts) + 1);
  ASSERT_EQ(node.handle(call("/kv/compaction", R"({"revision":)" + std::to_string(puts + 1) + "}")).status, 200);
  EXPECT_EQ(node.handle(put("b", std::string(1000, 'x'))).status, 200);
}

TEST_F(Etcd3, LeaseEndsWithAllItsKeysInOneRevision) {
  ASSERT_EQ(ask(grant(7, 10)).status, 200);
  ask(put("a", "1", 7));
  ask(put("b", "1", 7));
  ask(put("c", "1"));
  const auto events = stream(watch("a", R"(,"range_end":"AA==")"));
  node.advance(9900ms);
  EXPECT_EQ(node.statistics().keys, 3U);
  EXPECT_THAT(ask(of_lease("timetolive", 7)).body, HasSubstr(R"("ID":"7","grantedTTL":"10")"));
  node.advance(700ms);
  EXPECT_EQ(node.statistics().keys, 1U);
  ASSERT_THAT(events->parts, SizeIs(2));
  EXPECT_THAT(events->parts[1], HasSubstr(R"("revision":"5")"));
  EXPECT_THAT(events->parts[1], HasSubstr(R"("events":[{"type":"DELETE","kv":{"key":"YQ==","mod_revision":"5"}},)"
                                          R"({"type":"DELETE","kv":{"key":"Yg==","mod_revision":"5"}}])"));
}

TEST_F(Etcd3, KeptAliveLeaseLastsFromThen) {
  ask(grant(7, 10));
  ask(put("a", "1", 7));
  for (int i = 0; i < 5; ++i) {
    node.advance(9050ms);
    EXPECT_THAT(ask(of_lease("keepalive", 7)).body, HasSubstr(R"("TTL":"10")"));
  }
  EXPECT_THAT(ask(of_lease("timetolive", 7, R"(,"keys":true)")).body,
              HasSubstr(R"("TTL":"10","grantedTTL":"10","keys":["YQ=="])"));
  node.advance(4s);
  EXPECT_THAT(ask(of_lease("timetolive", 7)).body, HasSubstr(R"("TTL":"6")"));
  node.advance(6100ms);  // It has ended, and is not yet revoked.
  EXPECT_EQ(node.statistics().keys, 1U);
  EXPECT_THAT(ask(of_lease("keepalive", 7)).body, Not(HasSubstr("TTL")));
  node.advance(500ms);
  EXPECT_EQ(node.statistics().keys, 0U);
  EXPECT_THAT(ask(of_lease("timetolive", 7)).body, HasSubstr(R"("TTL":"-1")"));
}

TEST_F(Etcd3, LeaseThatTheServerNames) {
  const std::string one = ask(grant(0, 10)).body;
  const std::string other = ask(grant(0, 10)).body;
  EXPECT_THAT(one, testing::ContainsRegex(R"("ID":"[1-9][0-9]*")"));
  EXPECT_NE(one, other);
}

TEST_F(Etcd3, ProgressIsToldWhereNothingElseWas) {
  const auto quiet = stream(watch("a", R"(,"progress_notify":true)"));
  const auto unasked = stream(watch("a"));
  ask(put("b", "1"));
  node.advance(10min - 1s);
  EXPECT_THAT(quiet->parts, SizeIs(1));
  node.advance(2s);
  ASSERT_THAT(quiet->parts, SizeIs(2));
  EXPECT_THAT(quiet->parts[1], HasSubstr(R"("revision":"2")"));
  EXPECT_THAT(quiet->parts[1], Not(HasSubstr("events")));
  EXPECT_THAT(unasked->parts, SizeIs(1));
  ask(put("a", "1"));
  node.advance(10min);
  EXPECT_THAT(quiet->parts, SizeIs(3)) << "it was told of an event";
  node.advance(10min);
  EXPECT_THAT(quiet->parts, SizeIs(4));
}

TEST_F(Etcd3, StreamThatNobodyReadsEnds) {
  const auto events = stream(watch("a"));
  events->stuck = true;
  for (int i = 0; i < 200 && events->open; ++i) ask(put("a", "1"));
  EXPECT_EQ(events->ends, 1);
  EXPECT_THAT(events->parts, SizeIs(100));
  EXPECT_EQ(node.statistics().watchers, 0U);
}

TEST_F(Etcd3, AbandonedStreamLeavesNothing) {
  const auto reply = std::make_shared<RecordedReply>();
  const Node::Ticket ticket = node.handle(watch("a"), reply);
  EXPECT_EQ(node.statistics().watchers, 1U);
  node.abandon(ticket);
  EXPECT_EQ(node.statistics().watchers, 0U);
  ask(put("a", "1"));
  EXPECT_THAT(reply->parts, SizeIs(1));
}

TEST_F(Etcd3, StreamIsDeliveredInProcess) {
  ThreadRuntime runtime;
  InProcessTransport transport(runtime, node);
  Request request = watch("a", R"(,"start_revision":"2")");
  request.enough = [](std::string_view body) { return body.find("events") != std::string_view::npos; };
  ask(put("a", "1"));
  const Exchange exchange =
      transport.exchange(NodeOptions().member.client_url, request, runtime.now() + 10s, std::stop_token());
  ASSERT_TRUE(exchange);
  EXPECT_THAT(exchange->body, HasSubstr(R"("created":true}})"
                                        "\n"));
  EXPECT_THAT(exchange->body, HasSubstr(R"("mod_revision":"2")"));
  EXPECT_EQ(node.statistics().watchers, 0U);
}

TEST(Etcd3Users, AskWithAToken) {
  Cluster cluster({.nodes = 1, .dialect = Dialect::etcd3, .users = {{"ann", "pass word"}}, .token_ttl = 10s});
  const auto ask = [&](Request request, const std::string& token = "") {
    if (!token.empty()) request.headers.push_back({"Authorization", token});
    return cluster.node(1).handle(request);
  };
  const Response nobody = ask(put("a", "1"));
  EXPECT_EQ(nobody.status, 400);
  EXPECT_THAT(nobody.body, HasSubstr("etcdserver: user name is empty"));
  EXPECT_THAT(ask(call("/auth/authenticate", R"({"name":"ann","password":"x"})")).body,
              HasSubstr("authentication failed, invalid user ID or password"));
  const std::string answer = ask(call("/auth/authenticate", R"({"name":"ann","password":"pass word"})")).body;
  const std::size_t at = answer.find(R"("token":")") + 9;
  const std::string token = answer.substr(at, answer.find('"', at) - at);
  EXPECT_EQ(ask(put("a", "1"), token).status, 200);
  EXPECT_EQ(ask(put("a", "1"), "nonsense").status, 401);
  EXPECT_THAT(ask(watch("a"), token).body, Not(HasSubstr("canceled")));
  EXPECT_THAT(ask(watch("a")).body,
              HasSubstr(R"("watch_id":"-1","created":true,"canceled":true,"cancel_reason":)"
                        R"("rpc error: code = InvalidArgument desc = etcdserver: user name is empty")"));
  EXPECT_THAT(ask(watch("a"), "nonsense").body,
              HasSubstr("code = Unauthenticated desc = etcdserver: invalid auth token"));
  cluster.advance(9s);
  EXPECT_EQ(ask(range("a"), token).status, 200);
  cluster.advance(9s);
  EXPECT_EQ(ask(range("a"), token).status, 200) << "it was used in between";
  cluster.advance(10s);
  EXPECT_EQ(ask(range("a"), token).status, 401);
  EXPECT_EQ(ask(call("/auth/authenticate", R"({"name":"ann","password":"pass word"})")).status, 200);
}

TEST(Etcd3Options, WhatItCannotDoIsSaid) {
  Cluster cluster({.dialect = Dialect::etcd3});
  EXPECT_THROW(cluster.load({}), std::logic_error);
  EXPECT_THROW(Cluster({.token_ttl = 0s}), std::invalid_argument);
}

}  // namespace
}  // namespace deimos::fake

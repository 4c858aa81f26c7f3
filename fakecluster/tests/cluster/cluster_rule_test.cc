// What rules do to requests and answers.
#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "cluster/cluster_fixture.h"

namespace deimos::fake {
namespace {

class ClusterRule : public ClusterFixture {
 protected:
  void rule(Match match, RuleAction action) { cluster().add_rule({"", std::move(match), std::move(action)}); }
};

TEST_F(ClusterRule, ADroppedRequestIsNeverDone) {
  rule({.method = "PUT"}, DropRequest{});
  const Asked written = put(1, "/a", "value=1");
  cluster().advance(1min);
  EXPECT_TRUE(written.hangs());
  EXPECT_EQ(get(1, "/a").status(), 404);
  cluster().abandon(written.ticket);
}

TEST_F(ClusterRule, ADroppedAnswerIsOfARequestThatWasDone) {
  rule({.method = "PUT", .key = "/locks/**"}, DropAnswer{});
  const Asked written = put(2, "/locks/a/b", "value=1");
  EXPECT_TRUE(written.hangs());
  EXPECT_NE(written.ticket, 0u);
  EXPECT_EQ(get(1, "/locks/a/b").status(), 200);
  cluster().advance(1min);
  EXPECT_TRUE(written.hangs());
  cluster().abandon(written.ticket);
}

TEST_F(ClusterRule, ADelayedRequestIsDoneLaterAlsoIfItsClientHasGone) {
  rule({.method = "PUT"}, Delay{2s, 2s});
  const Asked written = put(1, "/a", "value=1");
  const Asked abandoned = put(2, "/b", "value=1");
  cluster().abandon(abandoned.ticket);
  cluster().advance(1999ms);
  EXPECT_TRUE(written.hangs());
  EXPECT_EQ(get(1, "/a").status(), 404);
  cluster().advance(1ms);
  EXPECT_EQ(written.status(), 201);
  EXPECT_FALSE(abandoned.reply->answered);
  EXPECT_EQ(get(1, "/b").status(), 200);
}

TEST_F(ClusterRule, ADelayFromARangeIsDrawnFromTheSeed) {
  const auto arrivals = [&](std::uint64_t seed) {
    start({.nodes = 3, .seed = seed});
    rule({.method = "PUT"}, Delay{0s, 1s});
    std::vector<Asked> asked;
    for (int n = 0; n < 5; ++n) asked.push_back(put(1, "/k", "value=" + std::to_string(n)));
    std::string seen;
    for (int n = 0; n < 100; ++n) {
      cluster().advance(10ms);
      for (const Asked& each : asked) seen += each.hangs() ? '.' : '!';
    }
    return seen;
  };
  EXPECT_EQ(arrivals(1), arrivals(1));
  EXPECT_NE(arrivals(1), arrivals(2));
  EXPECT_TRUE(arrivals(3).ends_with("!!!!!"));
}

TEST_F(ClusterRule, ADelayedAnswerIsOfARequestDoneAtOnce) {
  rule({.method = "PUT"}, Delay{2s, 2s, true});
  const Asked written = put(1, "/a", "value=1");
  EXPECT_EQ(get(1, "/a").status(), 200);
  EXPECT_TRUE(written.hangs());
  cluster().advance(2s);
  EXPECT_EQ(written.status(), 201);
}

TEST_F(ClusterRule, ADelayedWatchAnswerKeepsItsOrder) {
  rule({.method = "WATCH"}, Delay{1s, 1s, true});
  const Asked heard = ask(1, "GET", "/a?wait=true&stream=true");
  put(1, "/a", "value=first");
  cluster().advance(500ms);
  put(1, "/a", "value=second");
  EXPECT_FALSE(heard.reply->answered);
  cluster().advance(500ms);
  EXPECT_EQ(heard.reply->parts.size(), 1u);
  cluster().advance(500ms);
  ASSERT_EQ(heard.reply->parts.size(), 2u);
  EXPECT_NE(heard.reply->parts[1].find("second"), std::string::npos);
  cluster().abandon(heard.ticket);
  EXPECT_EQ(cluster().state().nodes[0].watchers, 0u);
}

TEST_F(ClusterRule, ADuplicatedRequestIsDoneAgainAndAnsweredOnce) {
  rule({.method = "POST"}, Duplicate{2, 1s, 1s});
  const Asked made = ask(1, "POST", "/queue", "value=1");
  EXPECT_EQ(made.status(), 201);
  cluster().advance(1s);
  const Asked listed = get(2, "/queue?sorted=true");
  EXPECT_EQ(listed.header("X-Deimos-Index"), 9u);
  for (const char* key : {"/queue/7", "/queue/8", "/queue/9"}) EXPECT_TRUE(listed.says(key)) << listed.body();
}

TEST_F(ClusterRule, AReorderedRequestComesAfterTheNext) {
  rule({.method = "PUT"}, Reorder{});
  const Asked first = put(1, "/a", "value=first");
  EXPECT_TRUE(first.hangs());
  const Asked second = put(2, "/a", "value=second");
  EXPECT_EQ(second.status(), 201);
  EXPECT_EQ(first.status(), 200);
  EXPECT_TRUE(get(1, "/a").says("first"));
}

TEST_F(ClusterRule, AReorderedRequestIsNotHeldForEver) {
  rule({.method = "PUT"}, Reorder{500ms});
  const Asked first = put(1, "/a", "value=first");
  cluster().advance(500ms);
  EXPECT_EQ(first.status(), 201);
}

TEST_F(ClusterRule, ARuleThatIsRemovedLetsGoOfWhatItHolds) {
  const RuleId id = cluster().add_rule({"", {.method = "PUT"}, Reorder{1h}});
  const Asked first = put(1, "/a", "value=first");
  EXPECT_TRUE(cluster().remove_rule(id));
  EXPECT_EQ(first.status(), 201);
  EXPECT_FALSE(cluster().remove_rule(id));
}

TEST_F(ClusterRule, ARequestIsAnsweredWithAStatusOrAnErrorByTheWay) {
  rule({.key = "/status"}, Answer{503, 0, "busy\n", "text/html"});
  rule({.key = "/error"}, Answer{.error_code = 300, .body = "proposal dropped"});
  const Asked status = put(1, "/status", "value=1");
  EXPECT_EQ(status.status(), 503);
  EXPECT_EQ(status.body(), "busy\n");
  EXPECT_EQ(*find_header(status.reply->response.headers, "Content-Type"), "text/html");
  const Asked error = put(1, "/error", "value=1");
  EXPECT_EQ(error.status(), 500);
  EXPECT_EQ(error.body(),
            "{\"errorCode\":300,\"message\":\"Raft Internal Error\",\"cause\":\"proposal dropped\",\"index\":0}\n"
            "Internal Server Error\n");
  EXPECT_EQ(cluster().state().nodes[0].index, 6u) << "nothing was done";
}

TEST_F(ClusterRule, ATruncatedBodyLooksComplete) {
  rule({.method = "GET"}, TruncateBody{10});
  put(1, "/a", "value=1");
  const Asked read = get(1, "/a");
  EXPECT_EQ(read.status(), 200);
  EXPECT_EQ(read.body(), "{\"action\":");
  EXPECT_TRUE(read.reply->breaks.empty());
}

TEST_F(ClusterRule, ATruncatedWatchEndsWithinItsEvent) {
  rule({.method = "WATCH"}, TruncateBody{10});
  const Asked heard = watch(1, "/a");
  put(1, "/a", "value=1");
  EXPECT_EQ(heard.body(), "{\"action\":");
  EXPECT_EQ(heard.reply->ends, 1);
}

TEST_F(ClusterRule, ACorruptBodyDiffersAndIsTheSameForTheSameSeed) {
  const auto read = [&](std::uint64_t seed) {
    start({.nodes = 3, .seed = seed});
    put(1, "/a", "value=1");
    const std::string whole = get(1, "/a").body();
    rule({.method = "GET"}, CorruptBody{});
    const std::string corrupt = get(1, "/a").body();
    EXPECT_EQ(corrupt.size(), whole.size());
    EXPECT_NE(corrupt, whole);
    EXPECT_EQ(corrupt.back(), '\n');
    return corrupt;
  };
  EXPECT_EQ(read(1), read(1));
  EXPECT_NE(read(1), read(2));
}

TEST_F(ClusterRule, AConnectionIsResetAfterSoManyBytes) {
  rule({.method = "PUT", .nth = 1}, ResetAfter{0});
  rule({.method = "PUT", .nth = 1}, ResetAfter{10});
  const Asked nothing = put(1, "/a", "value=1");
  EXPECT_FALSE(nothing.reply->answered);
  EXPECT_EQ(nothing.reply->breaks, std::vector{Delivery::unknown});
  const Asked some = put(1, "/b", "value=1");
  EXPECT_EQ(some.status(), 201);
  EXPECT_EQ(some.body(), "{\"action\":");
  EXPECT_EQ(some.reply->breaks, std::vector{Delivery::unknown});
  EXPECT_EQ(some.reply->ends, 0);
  EXPECT_EQ(get(2, "/a").status(), 200) << "both were done";
  EXPECT_EQ(get(2, "/b").status(), 200);
}

TEST_F(ClusterRule, AWatchIsResetAtItsEnd) {
  rule({.method = "WATCH"}, ResetAfter{1000});
  const Asked heard = watch(1, "/a");
  put(1, "/a", "value=1");
  EXPECT_TRUE(heard.says("\"set\""));
  EXPECT_EQ(heard.reply->breaks, std::vector{Delivery::unknown});
  EXPECT_EQ(heard.reply->ends, 0);
}

TEST_F(ClusterRule, AWatchThatWasResetIsFreedWhenItsClientLeaves) {
  rule({.method = "WATCH"}, ResetAfter{0});
  const Asked heard = watch(1, "/a");
  ASSERT_NE(heard.ticket, 0u);
  cluster().abandon(heard.ticket);
  EXPECT_EQ(cluster().state().nodes[0].watchers, 0u);
}

TEST_F(ClusterRule, ARefusedConnectionIsKnownNotToHaveBeenSent) {
  rule({.node = 2}, RefuseConnection{});
  EXPECT_EQ(put(2, "/a", "value=1").reply->breaks, std::vector{Delivery::not_sent});
  EXPECT_EQ(put(1, "/a", "value=1").status(), 201);
}

TEST_F(ClusterRule, TheFirstRuleThatActsDecides) {
  rule({.key = "/a"}, Pass{});
  rule({.method = "PUT"}, DropRequest{});
  EXPECT_EQ(put(1, "/a", "value=1").status(), 201);
  EXPECT_TRUE(put(1, "/b", "value=1").hangs());
}

TEST_F(ClusterRule, RulesMatchByClientNodeMethodKeyAndParameter) {
  rule({.client = "work*", .node = 2, .method = "PUT", .key = "/locks/*", .parameter = "prevExists=false"},
       RefuseConnection{});
  const auto refused = [&](NodeId node, const char* client, const char* method, const char* key, const char* form) {
    return !ask(node, method, key, form, {.client = client, .request = 0}).reply->breaks.empty();
  };
  EXPECT_TRUE(refused(2, "worker", "PUT", "/locks/a", "value=1&prevExists=false"));
  EXPECT_TRUE(refused(2, "worker", "PUT", "/locks/%61", "value=1&prevExists=false")) << "as the node understands it";
  EXPECT_FALSE(refused(2, "admin", "PUT", "/locks/a", "value=1&prevExists=false"));
  EXPECT_FALSE(refused(1, "worker", "PUT", "/locks/a", "value=1&prevExists=false"));
  EXPECT_FALSE(refused(2, "worker", "POST", "/locks/a", "value=1&prevExists=false"));
  EXPECT_FALSE(refused(2, "worker", "PUT", "/locks/a/b", "value=1&prevExists=false"));
  EXPECT_FALSE(refused(2, "worker", "PUT", "/locks/a", "value=1"));
}

TEST_F(ClusterRule, AClientIsKnownByItsHeader) {
  rule({.client = "worker"}, RefuseConnection{});
  const auto reply = std::make_shared<RecordedReply>();
  cluster().node(1).handle({"GET", "/keys/", {{"x-deimos-client", "worker"}}, {}, {}}, reply);
  EXPECT_EQ(reply->breaks.size(), 1u);
}

TEST_F(ClusterRule, RulesActOnTheNthOnEveryNthAndSoManyTimes) {
  rule({.key = "/nth", .nth = 2}, RefuseConnection{});
  rule({.key = "/every", .every = 3}, RefuseConnection{});
  rule({.key = "/times", .times = 2}, RefuseConnection{});
  const auto pattern = [&](const char* key) {
    std::string refused;
    for (int n = 0; n < 6; ++n) refused += get(1, key).reply->breaks.empty() ? '.' : 'x';
    return refused;
  };
  EXPECT_EQ(pattern("/nth"), ".x....");
  EXPECT_EQ(pattern("/every"), "..x..x");
  EXPECT_EQ(pattern("/times"), "xx....");
}

TEST_F(ClusterRule, RulesCountWhatTheyMatchedAndDid) {
  rule({.key = "/a", .nth = 2}, RefuseConnection{});
  for (int n = 0; n < 3; ++n) get(1, "/a");
  get(1, "/b");
  const RuleStatus status = cluster().rules().at(0);
  EXPECT_EQ(status.matched, 3u);
  EXPECT_EQ(status.acted, 1u);
}

TEST_F(ClusterRule, ARuleActsWithItsProbability) {
  rule({.method = "GET", .probability = 0.25}, RefuseConnection{});
  int refused = 0;
  for (int n = 0; n < 1000; ++n) refused += static_cast<int>(get(1, "/a").reply->breaks.size());
  EXPECT_GT(refused, 180);
  EXPECT_LT(refused, 320);
}

TEST_F(ClusterRule, AScopedRuleEndsWithItsScope) {
  {
    const ScopedRule scoped(cluster(), {"", {}, RefuseConnection{}});
    EXPECT_EQ(get(1, "/").reply->breaks.size(), 1u);
  }
  EXPECT_EQ(get(1, "/").status(), 200);
}

TEST_F(ClusterRule, RulesAreRemovedByName) {
  cluster().add_rule({"loss", {}, DropRequest{}});
  cluster().add_rule({"slow", {}, Delay{1s, 1s}});
  cluster().apply(RemoveRules{"loss"});
  ASSERT_EQ(cluster().rules().size(), 1u);
  EXPECT_EQ(cluster().rules()[0].rule.name, "slow");
  cluster().apply(RemoveRules{});
  EXPECT_TRUE(cluster().rules().empty());
}

TEST_F(ClusterRule, MalformedRulesAreRefusedSayingWhy) {
  const auto refusal = [&](Match match, RuleAction action) -> std::string {
    try {
      cluster().add_rule({"", std::move(match), std::move(action)});
    } catch (const std::invalid_argument& refused) {
      return refused.what();
    }
    return "accepted";
  };
  EXPECT_EQ(refusal({.node = 4}, Pass{}), "rule: there is no node 4 in a cluster of 3");
  EXPECT_EQ(refusal({.method = "put"}, Pass{}), "rule: 'put' is not a method");
  EXPECT_EQ(refusal({.nth = 1, .every = 2}, Pass{}), "rule: nth and every exclude each other");
  EXPECT_EQ(refusal({.probability = 1.5}, Pass{}), "rule: a probability must be from 0 to 1");
  EXPECT_EQ(refusal({}, Delay{-1s, 1s}), "rule: a negative delay of -1s");
  EXPECT_EQ(refusal({}, Delay{2s, 1s}), "rule: a delay of at least 2s and at most 1s");
  EXPECT_EQ(refusal({}, Duplicate{0}), "rule: copies must be from 1 to 100");
  EXPECT_EQ(refusal({}, Answer{.status = 600}), "rule: status 600 is not from 100 to 599");
  EXPECT_EQ(refusal({}, Answer{.error_code = 42}), "rule: no Deimos answers with error code 42");
  EXPECT_TRUE(cluster().rules().empty());
}

TEST_F(ClusterRule, ClosingLeavesNobodyWaiting) {
  rule({.method = "PUT"}, DropRequest{});
  const Asked dropped = put(1, "/a", "value=1");
  const Asked heard = watch(1, "/a");
  cluster().isolate(1);
  const Asked read = get(1, "/a");
  cluster().close();
  EXPECT_EQ(dropped.reply->breaks, std::vector{Delivery::unknown});
  EXPECT_EQ(heard.reply->ends, 1);
  EXPECT_EQ(read.status(), 503);
  EXPECT_EQ(get(2, "/a").status(), 503);
}

TEST_F(ClusterRule, AStubAnswersWithHeadersAndWithinItsLimits) {
  rule({.key = "/a", .times = 2, .after = 1}, Answer{.status = 202,
                                                     .body = "{}",
                                                     .content_type = "application/json",
                                                     .headers = {{"X-Deimos-Index", "77"}, {"Retry-After", "3"}}});
  EXPECT_EQ(get(1, "/a").status(), 404);
  for (int n = 0; n < 2; ++n) {
    const Asked stubbed = get(1, "/a");
    EXPECT_EQ(stubbed.status(), 202);
    EXPECT_EQ(stubbed.body(), "{}");
    EXPECT_EQ(stubbed.header("X-Deimos-Index"), 77u);
    EXPECT_EQ(stubbed.header("Retry-After"), 3u);
    EXPECT_EQ(*find_header(stubbed.reply->response.headers, "Content-Type"), "application/json");
  }
  EXPECT_EQ(get(1, "/a").status(), 404);
}

TEST_F(ClusterRule, AStubOfAnErrorMayReplaceItsHeaders) {
  rule({}, Answer{.error_code = 105, .body = "/a", .headers = {{"x-deimos-index", "9"}}});
  const Asked stubbed = get(1, "/a");
  EXPECT_EQ(stubbed.header("X-Deimos-Index"), 9u);
  EXPECT_EQ(std::count_if(stubbed.reply->response.headers.begin(), stubbed.reply->response.headers.end(),
                          [](const Header& header) { return find_header({header}, "X-Deimos-Index") != nullptr; }),
            1);
  EXPECT_TRUE(stubbed.says("\"errorCode\":105"));
}

TEST_F(ClusterRule, HeadersThatAStubCannotSayAreRefused) {
  for (const std::map<std::string, std::string>& headers :
       std::vector<std::map<std::string, std::string>>{{{"Content-Length", "1"}},
                                                       {{"connection", "close"}},
                                                       {{"Date", ""}},
                                                       {{"Content-Type", "a"}},
                                                       {{"Transfer-Encoding", "chunked"}},
                                                       {{"", "a"}},
                                                       {{"a b", "a"}},
                                                       {{"A", "a\r\nB: b"}},
                                                       {{"A", std::string(1, '\0')}},
                                                       {{"A", "1"}, {"a", "2"}}}) {
    EXPECT_THROW(rule({}, Answer{.headers = headers}), std::invalid_argument) << headers.begin()->first;
  }
  EXPECT_THROW(rule({.nth = 1, .after = 1}, Pass{}), std::invalid_argument);
  EXPECT_TRUE(cluster().rules().empty());
}

TEST_F(ClusterRule, ARuleThatCountsShadowsNoOther) {
  rule({.method = "PUT", .every = 2}, Count{});
  rule({.method = "PUT"}, Answer{.status = 418});
  for (int n = 0; n < 5; ++n) EXPECT_EQ(put(1, "/a", "value=1").status(), 418);
  EXPECT_EQ(cluster().rules()[0].matched, 5u);
  EXPECT_EQ(cluster().rules()[0].acted, 2u);
  EXPECT_EQ(cluster().rules()[1].acted, 5u);
}

TEST_F(ClusterRule, EveryCountsFromWhereARuleBegins) {
  rule({.every = 2, .after = 3}, Answer{.status = 418});
  std::string seen;
  for (int n = 0; n < 8; ++n) seen += get(1, "/a").status() == 418 ? '!' : '.';
  EXPECT_EQ(seen, "....!.!.");
}

}  // namespace
}  // namespace deimos::fake

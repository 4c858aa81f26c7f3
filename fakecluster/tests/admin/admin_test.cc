#include <deimos/fake/admin.h>

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "cluster/cluster_fixture.h"

namespace deimos::fake {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class AdminTest : public ClusterFixture {
 protected:
  Response call(const std::string& method, const std::string& target, const std::string& body = {}) {
    return Admin(cluster()).handle({method, target, {}, body, body.empty() ? "" : "application/json"});
  }
  /// The answer of a call that succeeds.
  json ask(const std::string& method, const std::string& target, const std::string& body = {}) {
    const Response response = call(method, target, body);
    EXPECT_EQ(response.status, 200) << method << " " << target << " " << body << ": " << response.body;
    return json::parse(response.body);
  }
  json state() { return ask("GET", "/cluster"); }
};

TEST_F(AdminTest, ShowsTheStateOfTheCluster) {
  cluster().partition({1}, {2, 3});
  cluster().step_clock(2, 1500ms);
  const json shown = state();
  EXPECT_EQ(shown.at("now"), "2026-01-01T00:00:00Z");
  EXPECT_EQ(shown.at("leader"), 0);
  EXPECT_EQ(shown.at("term"), 1);
  ASSERT_EQ(shown.at("nodes").size(), 3u);
  EXPECT_EQ(shown.at("nodes")[0].at("name"), "node1");
  EXPECT_EQ(shown.at("nodes")[0].at("role"), "leader");
  EXPECT_EQ(shown.at("nodes")[0].at("reaches"), json::array());
  EXPECT_EQ(shown.at("nodes")[1].at("reaches"), json::array({3}));
  EXPECT_EQ(shown.at("nodes")[1].at("clock_offset"), "1.5s");
}

TEST_F(AdminTest, RefusesWhatAWebPageCouldSend) {
  const auto status = [&](const Headers& headers, const std::string& content_type = "application/json") {
    return Admin(cluster())
        .handle({"POST", "/faults", headers, R"({"kind": "crash", "node": 1})", content_type})
        .status;
  };
  EXPECT_EQ(status({{"Host", "localhost:4000"}, {"Origin", "http://localhost:4000"}}), 403);
  EXPECT_EQ(status({{"Origin", "null"}}), 403);
  for (const char* host : {"evil.example", "evil.example:4000", "127.0.0.1.evil.example", "localhost.evil.example", "",
                           "[::1]evil", "[fe80::1]:4000", "0.0.0.0:4000"}) {
    EXPECT_EQ(status({{"Host", host}}), 403) << host;
  }
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"}) {
    EXPECT_EQ(status({{"Host", "localhost"}}, type), 415) << type;
  }
  EXPECT_EQ(Admin(cluster()).handle({"GET", "/", {{"Origin", "http://a"}}, {}, {}}).status, 403);
  EXPECT_EQ(cluster().leader(), 1u) << "nothing was done";
  for (const char* host : {"localhost", "localhost:4000", "127.0.0.1:4000", "127.8.8.8", "[::1]:4000", "[::1]"}) {
    EXPECT_EQ(status({{"Host", host}}), 200) << host;
  }
  EXPECT_EQ(status({{"host", "LOCALHOST:1"}}, "application/json; charset=utf-8"), 200);
}

TEST_F(AdminTest, FaultsHappenAtOnce) {
  EXPECT_EQ(ask("POST", "/faults", R"({"kind": "partition", "groups": [[1], [2, 3]]})"),
            json({{"description", "partition {1} {2, 3}"}}));
  EXPECT_EQ(cluster().leader(), 0u);
  ask("POST", "/faults", R"("heal")");
  EXPECT_EQ(cluster().leader(), 1u);
  ask("POST", "/faults", R"({"kind": "crash", "node": 3})");
  EXPECT_EQ(state().at("nodes")[2].at("running"), false);
}

TEST_F(AdminTest, FaultsHappenLaterUnlessTheyAreTakenBack) {
  EXPECT_EQ(ask("POST", "/faults", R"({"kind": "crash", "node": 2, "after": "2s"})").at("id"), 1);
  EXPECT_EQ(ask("POST", "/faults", R"({"kind": "crash", "node": 3, "after": "1s"})").at("id"), 2);
  EXPECT_EQ(ask("GET", "/faults"),
            json::parse(R"([{"id": 1, "at": "2026-01-01T00:00:02Z", "fault": {"kind": "crash", "node": 2}},
                            {"id": 2, "at": "2026-01-01T00:00:01Z", "fault": {"kind": "crash", "node": 3}}])"));
  ask("DELETE", "/faults/1");
  EXPECT_EQ(call("DELETE", "/faults/1").status, 404);
  ask("POST", "/clock", R"({"advance": "3s"})");
  EXPECT_EQ(ask("GET", "/faults"), json::array());
  EXPECT_EQ(call("DELETE", "/faults/2").status, 404);
  EXPECT_EQ(state().at("nodes")[1].at("running"), true);
  EXPECT_EQ(state().at("nodes")[2].at("running"), false);
}

TEST_F(AdminTest, RulesDecideOnRequestsUntilTheyAreRemoved) {
  const json added =
      ask("POST", "/rules", R"({"name": "lost", "match": {"method": "PUT", "key": "/a"}, "action": "drop_answer"})");
  EXPECT_EQ(added, json({{"id", 1}, {"description", "'lost' drop answer: PUT /a"}}));
  EXPECT_TRUE(put(1, "/a", "value=1").hangs());
  EXPECT_THAT(get(1, "/a").body(), HasSubstr("\"value\":\"1\""));
  const json rules = ask("GET", "/rules");
  EXPECT_EQ(rules[0].at("acted"), 1);
  EXPECT_EQ(rules[0].at("rule").at("action"), json({{"kind", "drop_answer"}}));
  EXPECT_EQ(state().at("rules"), rules);
  ask("DELETE", "/rules/1");
  EXPECT_EQ(call("DELETE", "/rules/1").status, 404);
  EXPECT_EQ(put(1, "/a", "value=2").status(), 200);
}

TEST_F(AdminTest, AllRulesAreRemovedAtOnce) {
  ask("POST", "/rules", R"({"action": "drop_answer"})");
  ask("POST", "/faults", R"({"kind": "add_rule", "rule": {"action": "drop_request"}})");
  EXPECT_EQ(ask("GET", "/rules").size(), 2u);
  EXPECT_EQ(call("DELETE", "/rules/").status, 404);
  EXPECT_EQ(ask("GET", "/rules").size(), 2u);
  ask("DELETE", "/rules");
  EXPECT_EQ(ask("GET", "/rules"), json::array());
}

TEST_F(AdminTest, TheClockIsMoved) {
  EXPECT_EQ(ask("GET", "/clock"), json({{"now", "2026-01-01T00:00:00Z"}}));
  EXPECT_EQ(ask("POST", "/clock", R"({"advance": "1.5s"})"), json({{"now", "2026-01-01T00:00:01.5Z"}}));
}

TEST_F(AdminTest, AClockThatMovesByItselfIsNotMoved) {
  const ManualClock clock;
  start({.nodes = 1, .clock = &clock});
  const Response response = call("POST", "/clock", R"({"advance": "1s"})");
  EXPECT_EQ(response.status, 409);
  EXPECT_THAT(response.body, HasSubstr("moves by itself"));
}

TEST_F(AdminTest, ResetMakesTheClusterAnew) {
  const json fresh = state();
  put(2, "/a", "value=1");
  ask("POST", "/rules", R"({"match": {"key": "/b"}, "action": {"kind": "delay", "least": "1s", "most": "1s"}})");
  const Asked delayed = put(1, "/b", "value=1");
  const Asked watched = watch(3, "/a");
  ask("POST", "/faults", R"({"kind": "crash", "node": 1, "after": "9s"})");
  ask("POST", "/faults", R"({"kind": "partition", "groups": [[3]]})");
  ask("POST", "/clock", R"({"advance": "500ms"})");
  const Asked stuck = put(3, "/c", "value=1");

  json after = ask("POST", "/reset");
  EXPECT_EQ(after, fresh);
  EXPECT_EQ(watched.reply->ends, 1);
  EXPECT_THAT(delayed.reply->breaks, ElementsAre(Delivery::unknown));
  EXPECT_EQ(stuck.status(), 503);
  ask("POST", "/clock", R"({"advance": "20s"})");
  EXPECT_EQ(state().at("nodes")[0].at("running"), true) << "a fault from before the reset happened";
  EXPECT_EQ(get(1, "/b").status(), 404) << "a delayed request from before the reset was done";
  EXPECT_THAT(put(1, "/a", "value=1").body(), HasSubstr("\"modifiedIndex\":7"));
}

TEST_F(AdminTest, ATicketFromBeforeAResetNamesNothing) {
  const Asked before = watch(1, "/a");
  cluster().reset();
  const Asked after = watch(1, "/a");
  cluster().abandon(before.ticket);
  put(1, "/a", "value=1");
  EXPECT_EQ(after.reply->ends, 1);
}

TEST_F(AdminTest, AResetClusterDoesTheSameAgainAndAnotherWithAnotherSeed) {
  const auto elections = [this] {
    std::vector<std::uint64_t> terms;
    for (int round = 0; round < 20; ++round) {
      cluster().isolate(cluster().leader());
      while (cluster().leader() == 0) cluster().advance(100ms);
      cluster().heal();
      terms.push_back(cluster().leader());
    }
    return terms;
  };
  start({.nodes = 5, .seed = 7});
  const std::vector<std::uint64_t> first = elections();
  ask("POST", "/reset", "{}");
  EXPECT_EQ(elections(), first);
  ask("POST", "/reset", R"({"seed": 8})");
  EXPECT_NE(elections(), first);
  ask("POST", "/reset", R"({"seed": 7})");
  EXPECT_EQ(elections(), first);
}

TEST_F(AdminTest, RefusesWhatMakesNoSenseAndChangesNothing) {
  struct Bad {
    const char* method;
    const char* target;
    const char* body;
    int status;
    const char* why;
  };
  const std::vector<Bad> all{
      {"POST", "/faults", "", 400, "not JSON"},
      {"POST", "/faults", R"({"kind": "crash", "node": 4})", 400, "there is no node 4 in a cluster of 3"},
      {"POST", "/faults", R"({"kind": "crash"})", 400, "there is no node 0"},
      {"POST", "/faults", R"({"kind": "partition", "groups": [[]]})", 400, "empty group"},
      {"POST", "/faults", R"({"kind": "partition", "groups": [[1], [1]]})", 400, "twice"},
      {"POST", "/faults", R"({"kind": "skip_sweeps", "duration": "-1s"})", 400, "negative duration"},
      {"POST", "/faults", R"({"kind": "step_clock", "node": 1, "by": "2000000h"})", 400, "clock"},
      {"POST", "/faults", R"({"kind": "heal", "after": "-1s"})", 400, "negative duration"},
      {"POST", "/faults", R"({"kind": "heal", "after": 1})", 400, "after: expected a duration"},
      {"POST", "/faults", R"({"kind": "crash", "node": 4, "after": "1s"})", 400, "there is no node 4"},
      {"POST", "/faults", R"({"kind": "add_rule", "rule": {"match": {"probability": 2}}})", 400, "probability"},
      {"POST", "/rules", "[]", 400, "expected a JSON object"},
      {"POST", "/rules", R"({"match": {"node": 9}})", 400, "there is no node 9"},
      {"POST", "/rules", R"({"match": {"nth": 1, "every": 2}})", 400, "exclude each other"},
      {"POST", "/rules", R"({"action": {"kind": "duplicate", "copies": 101}})", 400, "from 1 to 100"},
      {"POST", "/clock", "{}", 400, "expected {\\\"advance\\\""},
      {"POST", "/clock", R"({"advance": "1s", "node": 1})", 400, "unknown field 'node'"},
      {"POST", "/clock", R"({"advance": "-1s"})", 400, "must move the clock forward"},
      {"POST", "/clock", R"({"advance": "25h"})", 400, "at most 24h"},
      {"POST", "/reset", R"({"nodes": 5})", 400, "unknown field 'nodes'"},
      {"POST", "/reset", R"({"seed": -1})", 400, "seed: expected a whole number"},
      {"GET", "/cluster?pretty=1", "", 400, "a query"},
      {"POST", "/plan", R"({"faults": [{"kind": "crash", "node": 1}, {"kind": "crash", "node": 4}]})", 400,
       "faults[1]"},
      {"GET", "/nothing", "", 404, "there is nothing at '/nothing'"},
      {"GET", "/cluster/1", "", 404, "there is nothing at"},
      {"DELETE", "/faults/one", "", 404, "'one' is no id"},
      {"DELETE", "/rules/99999999999999999999", "", 404, "is no id"},
      {"PUT", "/faults", R"("heal")", 405, "the methods here: GET, POST"},
      {"DELETE", "/faults", "", 405, "the methods here"},
      {"POST", "/", "", 404, "there is nothing"},
  };
  cluster().isolate(2);
  const json before = state();
  for (const Bad& bad : all) {
    const Response response = call(bad.method, bad.target, bad.body);
    EXPECT_EQ(response.status, bad.status) << bad.method << " " << bad.target << " " << bad.body;
    EXPECT_THAT(response.body, HasSubstr(bad.why)) << bad.body;
    EXPECT_TRUE(json::parse(response.body).at("error").is_string()) << bad.body;
    EXPECT_EQ(state(), before) << bad.body;
  }
}

TEST_F(AdminTest, SaysWhatThereIs) {
  const Response response = call("GET", "/");
  EXPECT_EQ(response.status, 200);
  for (const char* path : {"/cluster", "/faults", "/rules", "/clock", "/reset"}) {
    EXPECT_THAT(response.body, HasSubstr(path));
  }
  EXPECT_EQ(*find_header(call("PATCH", "/rules").headers, "Allow"), "GET, POST, DELETE");
}

}  // namespace
}  // namespace deimos::fake

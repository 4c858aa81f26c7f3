// The admin API as a test double's: the journal, verification, waiting, data and plans.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <deimos/fake/admin.h>

#include "cluster/cluster_fixture.h"

namespace deimos::fake {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class AdminDoubleTest : public ClusterFixture {
 protected:
  void SetUp() override { start({.nodes = 3, .journal_entries = 10}); }
  Response call(const std::string& method, const std::string& target, const std::string& body = {}) {
    return Admin(cluster()).handle({method, target, {}, body, body.empty() ? "" : "application/json"});
  }
  /// The answer, which must have that status.
  json ask_admin(const std::string& method, const std::string& target, const std::string& body = {}, int status = 200) {
    const Response response = call(method, target, body);
    EXPECT_EQ(response.status, status) << method << " " << target << " " << body << ": " << response.body;
    return json::parse(response.body);
  }
};

TEST_F(AdminDoubleTest, ShowsTheJournal) {
  cluster().add_rule({"lost grant", {.method = "PUT", .key = "/b"}, DropAnswer{}});
  ask(2, "PUT", "/a?ttl=5", "value=1", {.client = "worker"});
  const Asked hanging = put(1, "/b", "value=1");
  const json journal = ask_admin("GET", "/journal");
  EXPECT_EQ(journal.at("entries")[0], json::parse(R"({"id": 1, "at": "2026-01-01T00:00:00Z", "node": 2, "connection": 0,
    "client": "worker", "method": "PUT", "key": "/a", "path": "/keys/a", "query": "ttl=5", "form": "value=1",
    "left_out": 0, "outcome": "answered", "status": 201, "duration": "0s", "rule": 0, "rule_name": "", "action": "",
    "lost": false})"));
  EXPECT_EQ(journal.at("entries")[1].at("action"), "drop_answer");
  EXPECT_EQ(journal.at("last"), 2);
  EXPECT_EQ(journal.at("forgotten"), 0);
  EXPECT_EQ(ask_admin("GET", "/journal?lost=true&key=%2F*&limit=1").at("entries")[0].at("id"), 2);
  EXPECT_EQ(
      ask_admin("GET", "/journal?client=work*&node=2&method=PUT&status=201&parameter=ttl%3d5").at("entries").size(),
      1u);
  EXPECT_EQ(ask_admin("GET", "/journal?limit=0").at("more"), 2);
  EXPECT_EQ(ask_admin("GET", "/journal?since=2").at("entries"), json::array());
  cluster().abandon(hanging.ticket);
  ask_admin("DELETE", "/journal");
  EXPECT_EQ(ask_admin("GET", "/journal").at("entries"), json::array());
}

TEST_F(AdminDoubleTest, VerifiesAndSaysWhatCameNearest) {
  put(1, "/a", "value=1");
  EXPECT_EQ(ask_admin("POST", "/journal/verify", R"({"match": {"method": "PUT"}, "exactly": 1})").at("count"), 1);
  EXPECT_EQ(ask_admin("POST", "/journal/verify", R"({"at_least": 1, "at_most": 2})").at("count"), 1);
  const json failed = ask_admin("POST", "/journal/verify", R"({"match": {"method": "DELETE"}, "at_least": 1})", 417);
  EXPECT_THAT(failed.at("error").get<std::string>(), HasSubstr("expected at least 1 request: DELETE; there were 0"));
  EXPECT_EQ(failed.at("count"), 0);
  EXPECT_EQ(failed.at("nearest")[0].at("key"), "/a");
}

TEST_F(AdminDoubleTest, WaitsByMovingTheClock) {
  put(1, "/a", "value=1&ttl=5");
  const json held = ask_admin("POST", "/wait", R"({"until": {"kind": "key_absent", "key": "/a"}, "within": "1min"})");
  EXPECT_EQ(held.at("now"), "2026-01-01T00:00:05Z");
  EXPECT_EQ(held.at("waited"), "5s");
  const json missed = ask_admin("POST", "/wait", R"({"until": {"kind": "leader_is", "node": 3}, "within": "2s"})", 417);
  EXPECT_THAT(missed.at("error").get<std::string>(), HasSubstr("2s passed without: node 3 leads. node 1 leads"));
  EXPECT_EQ(missed.at("now"), "2026-01-01T00:00:07Z");
}

TEST_F(AdminDoubleTest, DumpsAndLoadsData) {
  put(1, "/a", "value=1&ttl=5");
  for (const std::string target : {"/data", "/data?indexes=true", "/data?indexes=false"}) {
    const std::string dump = call("GET", target).body;
    EXPECT_EQ(ask_admin("PUT", "/data", dump).at("entries"), 1);
    EXPECT_EQ(call("GET", target).body, dump);
  }
  cluster().partition({1}, {2}, {3});
  EXPECT_THAT(ask_admin("PUT", "/data", R"({"entries": []})", 409).at("error").get<std::string>(),
              HasSubstr("no leader can commit"));
}

TEST_F(AdminDoubleTest, RunsAPlan) {
  const json answer = ask_admin(
      "POST", "/plan", R"({"faults": [{"kind": "crash", "node": 2, "after": "1s"}, "heal"], "left_out": ["x"]})");
  EXPECT_EQ(answer, json::parse(R"({"faults": [{"after": "1s", "description": "crash node 2", "id": 1},
                                               {"after": "0s", "description": "heal"}], "left_out": ["x"]})"));
  cluster().advance(1s);
  EXPECT_FALSE(cluster().state().nodes[1].running);
}

TEST_F(AdminDoubleTest, RefusesWhatMakesNoSenseAndChangesNothing) {
  struct Bad {
    const char* method;
    const char* target;
    const char* body;
    int status;
    const char* why;
  };
  put(1, "/a", "value=1");
  const std::string before = call("GET", "/cluster").body + call("GET", "/data?indexes=true").body;
  for (const Bad& bad : std::vector<Bad>{
           {"GET", "/journal?colour=red", "", 400, "'filter' has no field 'colour'"},
           {"GET", "/journal?node=one", "", 400, "node: expected a whole number"},
           {"GET", "/journal?node=", "", 400, "node: expected a whole number"},
           {"GET", "/journal?node=9", "", 400, "there is no node 9"},
           {"GET", "/journal?since=-1", "", 400, "since: expected a whole number"},
           {"GET", "/journal?limit=x", "", 400, "limit: expected a whole number"},
           {"GET", "/journal?lost=maybe", "", 400, "lost: expected true or false"},
           {"GET", "/journal?key=%zz", "", 400, "not percent-encoded"},
           {"GET", "/journal?key", "", 400, "not as ?name=value"},
           {"GET", "/journal?key=a&key=b", "", 400, "'key' is there twice"},
           {"GET", "/journal/1", "", 404, "there is nothing at"},
           {"POST", "/journal", "{}", 405, "the methods here: GET, DELETE"},
           {"GET", "/journal/verify", "", 405, "the methods here: POST"},
           {"DELETE", "/journal?since=1", "", 400, "a query"},
           {"POST", "/journal/verify", "{}", 400, "expected how often"},
           {"POST", "/journal/verify", R"({"exactly": 1, "at_most": 2})", 400, "exclude each other"},
           {"POST", "/journal/verify", R"({"exactly": -1})", 400, "exactly: expected a whole number"},
           {"POST", "/journal/verify", R"({"at_least": 2, "at_most": 1})", 400, "can never hold"},
           {"POST", "/journal/verify", R"({"exactly": 1, "match": {"verb": "PUT"}})", 400,
            "match: 'filter' has no field"},
           {"POST", "/journal/verify", R"({"exactly": 1, "method": "PUT"})", 400, "unknown field 'method'"},
           {"POST", "/wait", "{}", 400, "expected {"},
           {"POST", "/wait", R"({"until": "explode"})", 400, "until: there is no kind 'explode': there are key_exists"},
           {"POST", "/wait", R"({"until": {"kind": "key_exists", "key": "a"}})", 400, "'a' is not a key"},
           {"POST", "/wait", R"({"until": "leader_is", "within": "25h"})", 400, "within: at most 24h"},
           {"POST", "/wait", R"({"until": "leader_is", "within": "-1s"})", 400, "must not be negative"},
           {"POST", "/wait", R"({"until": "leader_is", "settle": "11s"})", 400, "settle: at most 10s"},
           {"POST", "/wait", R"({"until": "leader_is", "for": "2s"})", 400, "unknown field 'for'"},
           {"GET", "/data?index=true", "", 400, "unknown parameter 'index'"},
           {"GET", "/data?indexes=1", "", 400, "indexes: expected true or false"},
           {"PUT", "/data", "", 400, "not JSON"},
           {"PUT", "/data", R"({"entries": [{"key": "/b", "value": "1"}, {"key": "b", "value": "1"}]})", 400,
            "entry 1"},
           {"PUT", "/data", R"({"index": 1, "entries": []})", 400, "is behind that of the cluster"},
           {"POST", "/data", "{}", 405, "the methods here: GET, PUT"},
           {"POST", "/plan", "[]", 400, "expected a plan, as an object"},
       }) {
    const Response response = call(bad.method, bad.target, bad.body);
    EXPECT_EQ(response.status, bad.status) << bad.method << " " << bad.target << " " << bad.body << response.body;
    EXPECT_THAT(response.body, HasSubstr(bad.why)) << bad.target << bad.body;
    EXPECT_EQ(call("GET", "/cluster").body + call("GET", "/data?indexes=true").body, before) << bad.target << bad.body;
  }
}

TEST_F(AdminDoubleTest, SaysThatNoJournalIsKept) {
  start({});
  ask_admin("GET", "/journal", {}, 409);
  ask_admin("DELETE", "/journal", {}, 409);
  ask_admin("POST", "/journal/verify", R"({"exactly": 0})", 409);
  EXPECT_THAT(ask_admin("POST", "/wait", R"({"until": "journal_has"})", 409).at("error").get<std::string>(),
              HasSubstr("no journal is kept"));
}

TEST_F(AdminDoubleTest, AWaitThatIsAbandonedOrOutlivedEnds) {
  const SystemClock clock;
  start({.nodes = 1, .clock = &clock});
  Admin admin(cluster());
  const Request wait{
      "POST", "/wait", {}, R"({"until": {"kind": "key_exists", "key": "/a"}, "within": "24h"})", "application/json"};
  std::vector<Asked> asked;
  for (int n = 0; n < 17; ++n) {
    asked.push_back({std::make_shared<RecordedReply>()});
    asked.back().ticket = admin.handle(wait, asked.back().reply);
  }
  EXPECT_EQ(asked.back().status(), 503) << "sixteen at once";
  EXPECT_EQ(asked.back().ticket, 0u);
  admin.abandon(asked[0].ticket);
  admin.abandon(0);
  put(1, "/a", "value=1");
}  // Those that did not hear of it end with the API.

}  // namespace
}  // namespace deimos::fake

#include <deimos/fake/data.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include <deimos/fake/data_json.h>

#include "cluster/cluster_fixture.h"

namespace deimos::fake {
namespace {

using testing::HasSubstr;

class DataTest : public ClusterFixture {
 protected:
  std::string dump(bool indexes = false) { return to_json(cluster().data(indexes)); }
  void load(const std::string& json) { cluster().load(data_from_json(json)); }
  /// Of every sort something.
  void fill() {
    put(1, "/config/rate", "value=100");
    put(1, "/config/empty", "value=");
    put(2, "/config/dir", "dir=true&ttl=60");
    put(1, "/_hidden", "value=h");
    ask(3, "POST", "/queue", "value=first");
    ask(3, "POST", "/queue", "value=second");
    put(1, "/lease", "value=mine&ttl=30");
    put(1, "/config/rate", "value=200");
    put(1, "/bytes%FF", "value=%FF%25%C3%A4");
    cluster().advance(1500ms);
  }
};

TEST_F(DataTest, IsWhatIsStoredWithoutTheClustersOwn) {
  EXPECT_EQ(dump(), "{\"entries\": []}");
  fill();
  EXPECT_EQ(dump(), R"({"entries": [
  {"key":"/config","directory":true},
  {"key":"/config/rate","value":"200"},
  {"key":"/config/empty","value":""},
  {"key":"/config/dir","directory":true,"ttl":"58.5s"},
  {"key":"/_hidden","value":"h"},
  {"key":"/queue","directory":true},
  {"key":"/queue/11","value":"first"},
  {"key":"/queue/12","value":"second"},
  {"key":"/lease","value":"mine","ttl":"28.5s"},
  {"encoded_key":"/bytes%FF","encoded_value":"%FF%25%C3%A4"}
]})");
}

TEST_F(DataTest, WhatIsLoadedIsWhatIsDumped) {
  fill();
  for (const bool indexes : {false, true}) {
    const std::string before = dump(indexes);
    start({.nodes = 3});
    load(before);
    EXPECT_EQ(dump(indexes), before);
    load(before);
    EXPECT_EQ(dump(indexes), before) << "over itself";
    for (NodeId node = 1; node <= 3; ++node) EXPECT_TRUE(get(node, "/config/rate").says("\"value\":\"200\""));
  }
}

TEST_F(DataTest, IndexesComeOnRequestAndAreTakenOver) {
  fill();
  const Data data = cluster().data(true);
  EXPECT_EQ(data.index, 15u);
  EXPECT_EQ(data.entries[1].created_index, 14u);
  EXPECT_EQ(data.entries[1].modified_index, 14u);
  start({.nodes = 3});
  cluster().load(data);
  EXPECT_TRUE(put(2, "/next", "value=1").says("\"modifiedIndex\":16,\"createdIndex\":16"));
  EXPECT_TRUE(get(1, "/config/rate").says("\"modifiedIndex\":14"));
}

TEST_F(DataTest, WithoutIndexesEachEntryIsAChange) {
  load(R"({"entries": [{"key": "/a/b", "value": "1"}, {"key": "/c", "value": "2"}]})");
  EXPECT_TRUE(get(1, "/a/b").says("\"modifiedIndex\":7,\"createdIndex\":7"));
  EXPECT_TRUE(get(1, "/c").says("\"modifiedIndex\":8,\"createdIndex\":8"));
  EXPECT_EQ(put(1, "/d", "value=1").header("X-Deimos-Index"), 9u);
}

TEST_F(DataTest, ReplacesWhatWasThereAndLeavesTheMembers) {
  put(1, "/old", "value=1&ttl=5");
  load(R"({"entries": [{"key": "/new", "value": "1"}]})");
  EXPECT_EQ(get(2, "/old").status(), 404);
  EXPECT_EQ(get(2, "/new").status(), 200);
  EXPECT_TRUE(get(1, "/_deimos/machines").says("machines/"));
  cluster().advance(10s);
  EXPECT_EQ(get(2, "/new").status(), 200);
  cluster().load({});
  EXPECT_EQ(dump(), "{\"entries\": []}");
}

TEST_F(DataTest, LeasesRunFromTheLoad) {
  cluster().advance(1h);
  load(R"({"entries": [{"key": "/a", "value": "1", "ttl": "5s"}, {"key": "/late", "value": "1", "ttl": "-1s"}]})");
  EXPECT_EQ(get(1, "/late").status(), 200) << "until it is swept";
  cluster().advance(4s);
  EXPECT_EQ(get(1, "/late").status(), 404);
  EXPECT_EQ(get(1, "/a").status(), 200);
  cluster().advance(2s);
  EXPECT_EQ(get(1, "/a").status(), 404);
}

TEST_F(DataTest, WatchesOfThePastAreRefusedAndOpenOnesGoOn) {
  put(1, "/a", "value=1");
  const Asked heard = watch(2, "/a");
  load(R"({"entries": [{"key": "/a", "value": "2"}]})");
  EXPECT_EQ(heard.reply->parts.size(), 0u);
  EXPECT_TRUE(watch(1, "/a", 7).says("\"errorCode\":401"));
  put(1, "/a", "value=3");
  EXPECT_EQ(heard.reply->ends, 1);
}

TEST_F(DataTest, ANodeThatIsBehindGetsItWithTheLog) {
  cluster().isolate(3);
  put(1, "/a", "value=1");
  load(R"({"entries": [{"key": "/b", "value": "1"}]})");
  put(1, "/c", "value=1");
  cluster().heal();
  cluster().advance(1s);
  for (NodeId node = 1; node <= 3; ++node) {
    EXPECT_EQ(get(node, "/a").status(), 404);
    EXPECT_EQ(get(node, "/b").status(), 200);
    EXPECT_EQ(get(node, "/c").status(), 200);
  }
  const ClusterState state = cluster().state();
  EXPECT_EQ(state.nodes[0].index, state.nodes[2].index);
}

TEST_F(DataTest, WhatCannotBeLoadedChangesNothing) {
  fill();
  const std::string before = dump(true);
  const std::vector<std::pair<std::string, const char*>> bad{
      {R"("")", "expected a data, as an object"},
      {R"({})", "expected data, as"},
      {R"({"entries": {}})", "entries: expected an array"},
      {R"({"entries": [], "more": 1})", "'data' has no field 'more'"},
      {R"({"entries": [1]})", "entries[0]: expected a entry"},
      {R"({"entries": [{"value": "1"}]})", "entries[0]: an entry without a key"},
      {R"({"entries": [{"key": "/a"}]})", "entries[0]: an entry without a value that is no directory"},
      {R"({"entries": [{"key": "/a", "value": 1}]})", "entries[0].value: expected a text"},
      {R"({"entries": [{"key": "/a", "values": "1"}]})", "has no field 'values'"},
      {R"({"entries": [{"key": "/a", "encoded_key": "/a", "value": ""}]})", "both 'key' and 'encoded_key'"},
      {R"({"entries": [{"key": "/a", "encoded_value": "%f"}]})", "'%f' is not percent-encoded"},
      {R"({"entries": [{"key": "/a", "value": "1", "ttl": 5}]})", "entries[0].ttl: expected a duration"},
      {R"({"entries": [{"key": "/a", "value": "1", "ttl": "9999999h"}]})", "entries[0].ttl: expected a duration"},
      {R"({"entries": [{"key": "/a", "directory": true, "value": ""}]})", "a directory has no value"},
      {R"({"entries": [{"key": "a", "value": "1"}]})", "entry 0 ('a'): 'a' is not a key"},
      {R"({"entries": [{"key": "/", "directory": true}]})", "is not a key"},
      {R"({"entries": [{"key": "/a/", "value": "1"}]})", "is not a key"},
      {R"({"entries": [{"key": "/a//b", "value": "1"}]})", "empty or dot segment"},
      {R"({"entries": [{"key": "/a/../b", "value": "1"}]})", "empty or dot segment"},
      {R"({"entries": [{"key": "/_deimos/machines/x", "value": "1"}]})", "the cluster's own"},
      {R"({"entries": [{"key": "/_deimos", "value": "1"}]})", "the cluster's own"},
      {R"({"entries": [{"key": "/ok", "value": "1"}, {"key": "/ok", "value": "2"}]})",
       "entry 1 ('/ok'): it is there tw"},
      {R"({"entries": [{"key": "/f", "value": "1"}, {"key": "/f/a", "value": "2"}]})", "'/f' above it is a file"},
      {R"({"entries": [{"key": "/d/a", "value": "1"}, {"key": "/d", "directory": true}]})",
       "comes after what is in it"},
      {R"({"entries": [{"key": "/d/a", "value": "1"}, {"key": "/d", "value": "1"}]})", "comes after what is in it"},
      {R"({"entries": [{"key": "/a", "value": "1", "created_index": 4}]})", "but the whole has none"},
      {R"({"index": 99, "entries": [{"key": "/a", "value": "1", "created_index": 4}]})", "must have a created_index"},
      {R"({"index": 99, "entries": [{"key": "/a", "value": "1", "created_index": 4, "modified_index": 3}]})",
       "its created_index is greater"},
      {R"({"index": 99, "entries": [{"key": "/a", "value": "1", "created_index": 4, "modified_index": 100}]})",
       "greater than the index of the whole"},
      {R"({"index": 14, "entries": []})", "index 14 is behind that of the cluster, 15"},
      {R"({"entries": [{"key": "/)" + std::string(5000, 'k') + R"(", "value": "1"}]})", "more than 4096 bytes"},
  };
  for (const auto& [json, why] : bad) {
    try {
      load(json);
      ADD_FAILURE() << json;
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), HasSubstr(why)) << json;
    }
    EXPECT_EQ(dump(true), before) << json;
  }
  cluster().partition({1}, {2}, {3});
  EXPECT_THROW(cluster().load({}), std::logic_error) << "nobody can commit it";
  cluster().heal();
  cluster().advance(5s);
  EXPECT_EQ(get(1, "/config/rate").status(), 200);
}

TEST_F(DataTest, BearsTheLongestLease) {
  put(1, "/a", "value=1&ttl=7000000000");
  const std::string before = dump();
  load(before);
  EXPECT_EQ(dump(), before);
  load(R"({"entries": [{"key": "/a", "value": "1", "ttl": "9223372036854775807ns"}]})");
  cluster().advance(1h);
  EXPECT_EQ(get(1, "/a").status(), 200);
}

TEST_F(DataTest, BearsADeepTree) {
  start({.nodes = 1});
  std::string key;
  while (key.size() < 4000) key += "/d";
  load(R"({"entries": [{"key": ")" + key + R"(", "value": "1"}]})");
  const Data data = cluster().data();
  EXPECT_EQ(data.entries.size(), 2000u);
  EXPECT_EQ(data.entries.back().key, key);
}

}  // namespace
}  // namespace deimos::fake

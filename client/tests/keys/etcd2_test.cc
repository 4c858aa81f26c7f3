// The client over the v2 API of etcd: every call, watches, members, and what it says when something else answers.
#include <gmock/gmock.h>

#include <deimos/fake/http_server.h>
#include <deimos/fake/node.h>

#include "servers/etcd2_store.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

INSTANTIATE_TEST_SUITE_P(Etcd2, OverEtcd2, testing::Values(Etcd2Store::Kind::real, Etcd2Store::Kind::fake),
                         etcd2_store_name);

TEST_P(OverEtcd2, WritesComparesAndRemoves) {
  const Answer created = client.create("/a", "1").value();
  EXPECT_EQ(created.action, Action::create);
  EXPECT_EQ(created.index, created.node.created_index);
  EXPECT_GT(created.raft_term, 0U);
  const Error refused = client.create("/a", "2").error();
  EXPECT_EQ(refused.code, errc::key_already_exists);
  EXPECT_EQ(refused.index, created.index);
  EXPECT_EQ(client.update("/b", "1").error().code, errc::key_not_found);
  EXPECT_EQ(client.update("/a", "2").value().node.created_index, created.index);
  EXPECT_EQ(client.compare_and_swap("/a", "4", {.value = "3"}).error().cause, "[3 != 2]");
  const Answer swapped = client.compare_and_swap("/a", "4", {.value = "2"}, {.ttl = 90s}).value();
  EXPECT_EQ(swapped.node.ttl, 90s);
  EXPECT_EQ(client.compare_and_delete("/a", {.index = created.index}).error().code, errc::compare_failed);
  EXPECT_EQ(client.compare_and_delete("/a", {.value = "4", .index = swapped.index}).value().prev_node->value, "4");
  EXPECT_EQ(client.get("/a").error().code, errc::key_not_found);
  EXPECT_EQ(client.set("/a", "ä <&>").value().node.value, "ä <&>");
  EXPECT_TRUE(client.remove("/a"));
}

TEST_P(OverEtcd2, ListsDirectoriesAndTheRoot) {
  EXPECT_TRUE(client.create_directory("/d", {.ttl = 90s}));
  const Answer first = client.create_in_order("/d/queue", "one").value();
  EXPECT_TRUE(client.create_in_order("/d/queue", "two"));
  EXPECT_EQ(first.node.key.size(), std::string("/d/queue/").size() + 20);

  const Answer queue = client.get("/d/queue", {.sorted = true}).value();
  ASSERT_EQ(queue.node.children.size(), 2U);
  EXPECT_EQ(queue.node.children[0].key, first.node.key);
  const Answer root = client.get("/", {.recursive = true}).value();
  EXPECT_TRUE(root.node.dir);
  ASSERT_EQ(root.node.children.size(), 1U);
  EXPECT_EQ(root.node.children[0].children[0].children.size(), 2U);
  EXPECT_FALSE(client.update_directory("/d").value().node.ttl);
  EXPECT_EQ(client.remove("/d", {.dir = true}).error().code, errc::directory_not_empty);
  EXPECT_TRUE(client.remove("/d", {.recursive = true}));
  EXPECT_EQ(client.set("/", "v").error().code, errc::root_is_read_only);
}

TEST_P(OverEtcd2, WatchesFromNowAndFromThePast) {
  const Answer first = client.set("/jobs/1", "a").value();
  Watch watch = client.watch("/jobs", {.recursive = true});
  EXPECT_TRUE(client.set("/jobs/2", "b"));
  EXPECT_TRUE(client.remove("/jobs/1"));
  auto event = watch.begin();
  EXPECT_EQ(event->node.key, "/jobs/2");
  ++event;
  EXPECT_EQ(event->action, Action::remove);
  EXPECT_EQ(client.wait("/jobs/1", {.from_index = first.index}).value()->node.value, "a");
  EXPECT_FALSE(client.wait("/jobs/9", {.timeout = 200ms}).value());
}

TEST_P(OverEtcd2, ARemovalOfWhatTheKeyOnlyBeginsLikeIsNoEvent) {
  EXPECT_TRUE(client.set("/job/1", "a"));
  const std::uint64_t before = client.set("/jobsite", "a").value().index;
  EXPECT_TRUE(client.remove("/job", {.recursive = true}));
  EXPECT_FALSE(client.wait("/jobsite", {.from_index = before + 1, .timeout = 300ms}).value());
  EXPECT_TRUE(client.set("/jobsite", "b"));
  EXPECT_EQ(client.wait("/jobsite", {.from_index = before + 1}).value()->node.value, "b");
  EXPECT_EQ(client.wait("/job/1", {.from_index = before}).value()->node.key, "/job");
}

TEST_P(OverEtcd2, AnExpiredKeyIsToldAndGone) {
  const Answer set = client.set("/a", "v", {.ttl = 1s}).value();
  const auto expired = client.wait("/a", {.from_index = set.index + 1, .timeout = 10s}).value();
  ASSERT_TRUE(expired);
  EXPECT_EQ(expired->action, Action::expire);
  EXPECT_EQ(client.get("/a").error().code, errc::key_not_found);
}

TEST_P(OverEtcd2, FindsTheMembers) {
  EXPECT_THAT(client.sync().value(), ElementsAre(store.url()));
  EXPECT_TRUE(client.set("/a", "v"));
}

TEST_P(OverEtcd2, AStoreThatStandsStillLeavesAWriteInDoubt) {
  store.pause();
  const auto written = client.set("/a", "v", {.timeout = 2s});
  store.resume();
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, condition::outcome_unknown);
  EXPECT_TRUE(client.get("/"));
}

TEST_P(OverEtcd2, AClientOfDeimosIsToldThatItIsAnEtcd) {
  const Client wrong({.endpoints = {store.url()}});
  for (const Error& error : {wrong.get("/a").error(), wrong.set("/a", "v").error(), wrong.sync().error()}) {
    EXPECT_EQ(error.code, errc::protocol_error);
    EXPECT_THAT(error.describe(), HasSubstr("it is an etcd 3.4.23: set ClientOptions::dialect to Dialect::etcd2"));
  }
}

TEST(Etcd2Dialect, NoReadIsAnsweredByANodeThatIsCutOff) {
  const fake::SystemClock clock;
  fake::HttpCluster served({.nodes = 3,
                            .dialect = fake::Dialect::etcd2,
                            .clock = &clock,
                            .request_timeout = std::chrono::milliseconds(200)});
  const Client others({.endpoints = {served.urls()[0]}, .dialect = Dialect::etcd2});
  const Client client({.endpoints = {served.urls()[2]}, .dialect = Dialect::etcd2});
  EXPECT_TRUE(others.set("/a", "old"));
  EXPECT_EQ(client.get("/a").value().node.value, "old");
  served.cluster().partition({1, 2}, {3});
  EXPECT_TRUE(others.set("/a", "new"));
  const auto read = client.get("/a", {.timeout = 1s});
  ASSERT_FALSE(read) << *read->node.value;
  EXPECT_EQ(read.error().code, errc::unavailable);
}

TEST(Etcd2Dialect, AnEtcdWithoutTheV2ApiSaysWhatToChange) {
  const Etcd2Server etcd({.v2 = false});
  for (const Dialect dialect : {Dialect::etcd2, Dialect::deimos}) {
    const Client client({.endpoints = {etcd.url()}, .dialect = dialect});
    const Error error = client.get("/a").error();
    EXPECT_EQ(error.code, errc::protocol_error);
    EXPECT_THAT(error.describe(), HasSubstr("it is an etcd 3.4.23 that does not serve the v2 API: start it with "
                                            "--enable-v2"));
  }
}

TEST(Etcd2Dialect, ADeimosSaysWhatToChange) {
  fake::Node node;
  fake::HttpServer server(node);
  const Client client({.endpoints = {server.url()}, .dialect = Dialect::etcd2});
  for (const Error& error : {client.get("/a").error(), client.create("/a", "v").error(), client.sync().error()}) {
    EXPECT_EQ(error.code, errc::protocol_error);
    EXPECT_THAT(error.describe(), HasSubstr("it is a Deimos: set ClientOptions::dialect to Dialect::deimos"));
  }
}

/// Any other web server.
class WebServer final : public fake::RequestHandler {
 public:
  Ticket handle(const Request&, std::shared_ptr<fake::Reply> reply) override {
    reply->answer({status, {{"Content-Type", "text/html"}}, "<html>Welcome</html>"}, false);
    return 0;
  }
  void abandon(Ticket) override {}
  [[nodiscard]] fake::Instant now() const override { return fake::ManualClock::epoch; }

  int status = 200;
};

TEST(Etcd2Dialect, AnotherServerIsSaidToBeOne) {
  WebServer web;
  fake::HttpServer server(web);
  for (const int status : {200, 404}) {
    web.status = status;
    const Client client({.endpoints = {server.url()}, .dialect = Dialect::etcd2});
    const Error error = client.get("/a").error();
    EXPECT_EQ(error.code, errc::protocol_error);
    EXPECT_THAT(error.describe(), HasSubstr("it is neither a Deimos nor an etcd"));
  }
}

}  // namespace
}  // namespace deimos

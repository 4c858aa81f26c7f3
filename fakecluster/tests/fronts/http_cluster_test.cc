#include <deimos/fake/http_cluster.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>

#include <deimos/client.h>
#include <deimos/fake/admin.h>

#include "http/raw_client.h"

namespace deimos::fake {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::HasSubstr;

std::uint16_t port_of(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

Response ask(const std::string& url, const std::string& request) {
  RawClient client(port_of(url));
  client.send(request);
  return client.answer();
}

TEST(HttpClusterTest, EveryNodeAnswersAtItsOwnUrl) {
  HttpCluster served;
  ASSERT_EQ(served.urls().size(), 3u);
  EXPECT_EQ(ask(served.urls()[0], put("/keys/a", "value=1")).status, 201);
  EXPECT_THAT(ask(served.urls()[2], get("/keys/a")).body, HasSubstr("\"value\":\"1\""));
  const std::string machines = ask(served.urls()[1], get("/machines")).body;
  for (const std::string& url : served.urls()) EXPECT_THAT(machines, HasSubstr(url));
}

TEST(HttpClusterTest, AClientGoesOnAtTheOthersWhenOneCrashes) {
  HttpCluster served;
  Client client({.endpoints = {served.urls()[0]}});
  ASSERT_TRUE(client.sync());
  ASSERT_TRUE(client.set("/a", "1"));
  served.cluster().change_leader(2);
  served.cluster().crash(1);
  for (int count = 0; count < 6; ++count) EXPECT_EQ(client.get("/a").value().node.value, "1");
}

TEST(HttpClusterTest, ACrashedNodeRefusesConnectionsUntilItRestarts) {
  HttpCluster served;
  const std::uint16_t port = port_of(served.urls()[2]);
  RawClient idle(port);
  idle.send(get("/machines"));
  EXPECT_EQ(idle.answer().status, 200);
  RawClient watcher(port);
  watcher.send(get("/keys/a?wait=true"));
  EXPECT_EQ(watcher.head().status, 200);

  served.cluster().crash(3);
  EXPECT_THROW(RawClient{port}, std::runtime_error);
  EXPECT_EQ(idle.rest(), "");
  EXPECT_THROW(watcher.chunk(), std::runtime_error);
  EXPECT_EQ(ask(served.urls()[0], put("/keys/a", "value=1")).status, 201);
  EXPECT_THROW(RawClient{port}, std::runtime_error);

  served.cluster().restart(3);
  EXPECT_THAT(ask(served.urls()[2], get("/keys/a")).body, HasSubstr("\"value\":\"1\""));
  served.cluster().crash(3);
  served.cluster().crash(3);
  EXPECT_THROW(RawClient{port}, std::runtime_error);
  served.cluster().reset();
  EXPECT_EQ(ask(served.urls()[2], get("/keys/a")).status, 404);
}

TEST(HttpClusterTest, AServerOfACrashedNodeRefusesConnections) {
  Cluster cluster;
  cluster.crash(2);
  const HttpServer server(cluster.node(2));
  EXPECT_THROW(RawClient{server.port()}, std::runtime_error);
  cluster.recover();
  EXPECT_EQ(ask(server.url(), get("/machines")).status, 200);
}

TEST(HttpClusterTest, ACrashedNodeHasDoneNothingSoWritesGoToTheNext) {
  HttpCluster served;
  served.cluster().crash(3);
  for (int count = 0; count < 20; ++count) {
    Client client({.endpoints = served.urls()});
    ASSERT_TRUE(client.set("/a", "1"));
  }
}

TEST(HttpClusterTest, RulesHoldFromTheFirstConnectionOn) {
  HttpCluster served({.nodes = 1});
  served.cluster().add_rule({"", {.client = "service-a"}, ResetAfter{10}});
  const std::string request = "GET /keys/ HTTP/1.1\r\nHost: a\r\nX-Deimos-Client: ";
  RawClient cut(port_of(served.urls()[0]));
  cut.send(request + "service-a\r\n\r\n");
  EXPECT_EQ(cut.head().status, 200);
  EXPECT_EQ(cut.chunk(), R"({"action":)");
  EXPECT_THROW(cut.rest(), std::runtime_error);
  EXPECT_EQ(ask(served.urls()[0], request + "service-b\r\n\r\n").status, 200);
}

TEST(HttpClusterTest, RunsByTheClockItIsGiven) {
  const SystemClock clock;
  HttpCluster served({.nodes = 3, .clock = &clock, .request_timeout = 50ms});
  RawClient watcher(port_of(served.urls()[2]));
  watcher.send(get("/keys/a?wait=true&waitIndex=8"));
  ask(served.urls()[1], put("/keys/a", "value=1&ttl=0"));
  EXPECT_THAT(watcher.answer().body, HasSubstr(R"("action":"expire")"));

  served.cluster().partition({1}, {2, 3});
  const Response stuck = ask(served.urls()[0], put("/keys/b", "value=1"));
  EXPECT_EQ(stuck.status, 500);
  EXPECT_EQ(stuck.body, "Internal Server Error\nInternal Server Error\n");
}

TEST(HttpClusterTest, AResetAnswersWhatWaitsAndGoesOnServing) {
  HttpCluster served;
  RawClient watcher(port_of(served.urls()[0]));
  watcher.send(get("/keys/a?wait=true"));
  EXPECT_EQ(watcher.head().status, 200);
  ask(served.urls()[0], put("/keys/b", "value=1"));
  served.cluster().reset();
  EXPECT_EQ(watcher.chunk(), "");
  EXPECT_EQ(ask(served.urls()[0], get("/keys/b")).status, 404);
  EXPECT_THAT(ask(served.urls()[1], get("/machines")).body, HasSubstr(served.urls()[2]));
}

TEST(HttpClusterTest, NodesListenAtPortsInARow) {
  // A first port whose followers are free as well is a matter of trying.
  ASSERT_TRUE(eventually([] {
    HttpListener probe("127.0.0.1", 0);
    const std::uint16_t first = probe.port();
    if (first > 65000) return false;
    { const HttpListener released = std::move(probe); }
    try {
      const HttpCluster served({}, {.port = first});
      EXPECT_EQ(port_of(served.urls()[0]), first);
      EXPECT_EQ(port_of(served.urls()[1]), first + 1);
      EXPECT_EQ(port_of(served.urls()[2]), first + 2);
      return true;
    } catch (const std::system_error&) {
      return false;
    }
  }));
}

TEST(HttpClusterTest, ImpossibleOptionsAreRefused) {
  EXPECT_THROW(HttpCluster({.nodes = 3}, {.port = 65534}), std::invalid_argument);
  EXPECT_THROW(HttpCluster({.nodes = 0}), std::invalid_argument);
  EXPECT_THROW(HttpCluster({.nodes = 100}), std::invalid_argument);
  EXPECT_THROW(HttpCluster({.nodes = 2'000'000'000}), std::invalid_argument);
}

TEST(AdminServer, IsServedAsANodeIs) {
  Cluster cluster;
  Admin admin(cluster);
  const HttpServer server(admin);
  RawClient client(server.port());
  const std::string fault = R"({"kind": "isolate", "node": 1})";
  client.send("POST /faults HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
              std::to_string(fault.size()) + "\r\n\r\n" + fault);
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(cluster.leader(), 0u);
  client.send(
      "POST /faults HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n6\r\n\"heal\"\r\n0\r\nOrigin: http://in.a.trailer\r\n\r\n");
  EXPECT_EQ(client.answer().status, 200) << "a trailer is not a header";
  EXPECT_EQ(cluster.leader(), 1u);
  cluster.isolate(1);
  client.send("HEAD /cluster HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.answer(true).status, 200);
  client.send(get("/cluster"));
  EXPECT_THAT(client.answer().body, HasSubstr(R"("leader":0)"));
}

}  // namespace
}  // namespace deimos::fake

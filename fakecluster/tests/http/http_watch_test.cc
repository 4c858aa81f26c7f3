// Watches over HTTP: when the head comes, when the body ends, and who is freed.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include <deimos/fake/clock_driver.h>
#include <deimos/fake/http_server.h>
#include <deimos/fake/node.h>

#include "http/raw_client.h"

namespace deimos::fake {
namespace {

using testing::HasSubstr;

/// Each byte comes back as six, and again in the next event as the previous value: over a megabyte.
const std::string long_escaped_value = "value=" + std::string(100'000, '<');

class HttpWatchTest : public testing::Test {
 protected:
  RawClient watch(const std::string& target) {
    RawClient client(server_->port());
    client.send(get(target));
    EXPECT_EQ(client.head().status, 200);
    return client;
  }
  Response ask(const std::string& request) {
    RawClient client(server_->port());
    client.send(request);
    return client.answer();
  }
  bool all_freed() {
    return eventually([&] { return node_.statistics().watchers == 0; });
  }

  Node node_;
  std::unique_ptr<HttpServer> server_ = std::make_unique<HttpServer>(node_);
};

TEST_F(HttpWatchTest, HeadComesBeforeTheEvent) {
  RawClient client(server_->port());
  client.send(get("/keys/a?wait=true"));
  Response response = client.head();  // Nothing has been written yet.
  EXPECT_EQ(response.status, 200);
  ask(put("/keys/a", "value=1"));
  client.body(response);
  EXPECT_THAT(response.body, HasSubstr(R"("action":"set")"));
  EXPECT_EQ(node_.statistics().watchers, 0U);
}

TEST_F(HttpWatchTest, ConnectionGoesOnAfterTheEvent) {
  RawClient client = watch("/keys/a?wait=true");
  ask(put("/keys/a", "value=1"));
  EXPECT_THAT(client.chunk(), HasSubstr(R"("value":"1")"));
  EXPECT_EQ(client.chunk(), "");
  client.send(get("/keys/a?wait=true&waitIndex=3"));  // From the history: head, event and end at once.
  EXPECT_THAT(client.answer().body, HasSubstr(R"("value":"1")"));
}

TEST_F(HttpWatchTest, ErrorIsAnOrdinaryAnswer) {
  const Response response = ask(get("/keys/a?wait=true&waitIndex=x"));
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("\"errorCode\":203"));
}

TEST_F(HttpWatchTest, StreamBringsEachEventAsItHappens) {
  RawClient client = watch("/keys/a?wait=true&stream=true");
  for (int i = 0; i < 5; ++i) {
    ask(put("/keys/a", "value=" + std::to_string(i)));
    EXPECT_THAT(client.chunk(), HasSubstr("\"value\":\"" + std::to_string(i) + "\""));
  }
}

TEST_F(HttpWatchTest, BodyIsEmptyWhenTheWatchTimesOut) {
  RawClient client = watch("/keys/a?wait=true");
  node_.advance(std::chrono::minutes(5));
  EXPECT_EQ(client.chunk(), "");
}

TEST_F(HttpWatchTest, Http10ClientGetsTheEventAndTheEndOfTheConnection) {
  RawClient client(server_->port());
  client.send("GET /keys/a?wait=true HTTP/1.0\r\n\r\n");
  client.head();
  ask(put("/keys/a", "value=1"));
  EXPECT_THAT(client.rest(), HasSubstr(R"({"action":"set")"));
}

TEST_F(HttpWatchTest, WatcherIsFreedWhenItsClientGoesAway) {
  {
    const RawClient one = watch("/keys/a?wait=true");
    const RawClient other = watch("/keys/?wait=true&recursive=true&stream=true");
    EXPECT_EQ(node_.statistics().watchers, 2U);
  }
  EXPECT_TRUE(all_freed());
  EXPECT_TRUE(eventually([&] { return server_->connections() == 0; }));
}

TEST_F(HttpWatchTest, WatcherWithUnreadPipelinedRequestIsFreedToo) {
  {
    RawClient client = watch("/keys/a?wait=true");
    client.send(get("/keys/a"));
  }
  EXPECT_TRUE(all_freed());
}

TEST_F(HttpWatchTest, PipelinedRequestIsAnsweredAfterTheEvent) {
  RawClient client = watch("/keys/a?wait=true");
  client.send(get("/keys/a"));
  ask(put("/keys/a", "value=1"));
  EXPECT_THAT(client.chunk(), HasSubstr(R"("action":"set")"));
  EXPECT_EQ(client.chunk(), "");
  EXPECT_THAT(client.answer().body, HasSubstr(R"("action":"get")"));
}

TEST_F(HttpWatchTest, ClientThatSendsTooMuchBehindItsWatchIsCut) {
  RawClient client = watch("/keys/a?wait=true");
  const std::string megabyte(std::size_t{1} << 20, 'v');
  for (int sent = 0; sent < 64 && client.send(megabyte); ++sent) {
  }
  EXPECT_TRUE(all_freed());
}

TEST_F(HttpWatchTest, StreamWhoseClientDoesNotReadIsDropped) {
  // Dropped for what it is behind, not for the time it takes.
  server_ = std::make_unique<HttpServer>(node_, HttpServerOptions{.limits = {.answer_time = std::chrono::minutes(5)}});
  RawClient client = watch("/keys/a?wait=true&stream=true");
  for (int i = 0; i < 200 && node_.statistics().watchers > 0; ++i) ask(put("/keys/a", long_escaped_value));
  EXPECT_EQ(node_.statistics().watchers, 0U);
  std::size_t events = 0;
  while (!client.chunk().empty()) ++events;  // It gets what it was sent before, and the end.
  EXPECT_GT(events, 0U);
}

TEST_F(HttpWatchTest, StoppedServerEndsTheBodiesOfOpenWatches) {
  RawClient one = watch("/keys/a?wait=true");
  RawClient other = watch("/keys/b?wait=true&stream=true");
  server_.reset();
  EXPECT_EQ(one.chunk(), "");
  EXPECT_EQ(other.chunk(), "");
  EXPECT_EQ(one.rest(), "");
  EXPECT_EQ(node_.statistics().watchers, 0U);
}

TEST_F(HttpWatchTest, StoppedServerDoesNotWaitForAClientThatDoesNotRead) {
  RawClient client = watch("/keys/a?wait=true&stream=true");
  for (int i = 0; i < 15; ++i) ask(put("/keys/a", long_escaped_value));  // More than the sockets hold.
  server_.reset();
  EXPECT_EQ(node_.statistics().watchers, 0U);
}

TEST_F(HttpWatchTest, ClosedNodeEndsTheBodiesOfOpenWatches) {
  RawClient client = watch("/keys/a?wait=true");
  node_.close();
  EXPECT_EQ(client.chunk(), "");
  client.send(get("/keys/a"));
  EXPECT_EQ(client.answer().status, 503);
}

/// As the system counts them.
std::size_t threads_of_this_process() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Threads:")) return std::stoul(line.substr(8));
  }
  throw std::runtime_error("the system does not say how many threads there are");
}

TEST_F(HttpWatchTest, ThousandOpenWatchesHoldUpNobodyAndAllGetTheirEvent) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  // Fewer where so many descriptors are not to be had.
  const auto count = static_cast<std::size_t>(std::min<rlim_t>(1000, limit.rlim_cur / 4));
  ASSERT_GE(count, 100U) << "only " << limit.rlim_cur << " descriptors";
  const std::size_t threads = threads_of_this_process();
  std::vector<RawClient> watchers;
  for (std::size_t i = 0; i < count; ++i) watchers.push_back(watch("/keys/a?wait=true"));
  EXPECT_EQ(node_.statistics().watchers, count);
  EXPECT_EQ(threads_of_this_process(), threads) << "a watch costs no thread";
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ask(get("/keys/b")).status, 404);
  ask(put("/keys/a", "value=1"));
  for (RawClient& watcher : watchers) EXPECT_THAT(watcher.chunk(), HasSubstr(R"("value":"1")"));
  EXPECT_EQ(node_.statistics().watchers, 0U);
}

TEST(ClockDriverTest, ExpiresKeysByTheWallClock) {
  const SystemClock clock;
  Node node({.clock = &clock, .sweep_interval = std::chrono::milliseconds(1)});
  const ClockDriver driver(node);
  const HttpServer server(node);
  RawClient watcher(server.port());
  watcher.send(get("/keys/a?wait=true&waitIndex=4"));
  RawClient writer(server.port());
  writer.send(put("/keys/a", "value=1&ttl=0"));
  EXPECT_THAT(watcher.answer().body, HasSubstr(R"("action":"expire")"));
}

}  // namespace
}  // namespace deimos::fake

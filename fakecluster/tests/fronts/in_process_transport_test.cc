// The laws of Transport, kept without a network.
#include <algorithm>
#include <future>
#include <thread>

#include <gmock/gmock.h>

#include <deimos/fake/cluster.h>
#include <deimos/fake/in_process_transport.h>
#include <deimos/thread_runtime.h>

namespace deimos::fake {
namespace {

using testing::HasSubstr;

const std::string endpoint = "http://127.0.0.1:4001";

Request request(std::string method, std::string target, std::string form = {}) {
  Request made{std::move(method), std::move(target), {}, std::move(form), {}};
  if (!made.body.empty()) made.content_type = "application/x-www-form-urlencoded";
  return made;
}

class InProcessTransportTest : public testing::Test {
 protected:
  Exchange ask(const Request& what, std::stop_token stop = {}) {
    return transport_.exchange(endpoint, what, TimePoint::max(), std::move(stop));
  }
  /// Runs the exchange of a watch elsewhere, and returns once the node has it.
  std::future<Exchange> start_watch(const std::string& target, TimePoint deadline = TimePoint::max(),
                                    std::stop_token stop = {}) {
    auto exchange = std::async(std::launch::async, [this, target, deadline, stop] {
      return transport_.exchange(endpoint, request("GET", target), deadline, stop);
    });
    while (node_.statistics().watchers == 0) std::this_thread::yield();
    return exchange;
  }

  ThreadRuntime runtime_;
  Node node_;
  InProcessTransport transport_{runtime_, node_};
};

TEST_F(InProcessTransportTest, GivesTheNodesAnswer) {
  EXPECT_EQ(ask(request("PUT", "/keys/a", "value=1")).value().status, 201);
  EXPECT_THAT(ask(request("GET", "/keys/a")).value().body, HasSubstr(R"("value":"1")"));
  EXPECT_EQ(ask(request("GET", "/keys/b")).value().status, 404);
}

TEST_F(InProcessTransportTest, UnknownEndpointRefuses) {
  const Exchange exchange =
      transport_.exchange("http://127.0.0.1:4002", request("GET", "/keys/"), TimePoint::max(), {});
  EXPECT_EQ(exchange.error().reason, Failure::Reason::refused);
  EXPECT_EQ(exchange.error().delivery, Delivery::not_sent);
  EXPECT_THAT(exchange.error().message, HasSubstr("http://127.0.0.1:4002"));
}

TEST_F(InProcessTransportTest, EachEndpointIsItsOwnNode) {
  Node other;
  InProcessTransport transport(runtime_, {{endpoint, node_}, {"http://127.0.0.1:4002/", other}});
  (void)transport.exchange("http://127.0.0.1:4002", request("PUT", "/keys/a", "value=1"), TimePoint::max(), {});
  EXPECT_EQ(node_.statistics().index, 2U);
  EXPECT_EQ(other.statistics().index, 3U);
}

TEST_F(InProcessTransportTest, StreamEndsWhenItIsEnough) {
  auto stream = std::async(std::launch::async, [this] {
    Request watch = request("GET", "/keys/a?wait=true&stream=true");
    watch.enough = [](std::string_view body) { return std::count(body.begin(), body.end(), '\n') == 2; };
    return ask(watch);
  });
  while (node_.statistics().watchers == 0) std::this_thread::yield();
  (void)ask(request("PUT", "/keys/a", "value=1"));
  EXPECT_EQ(stream.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  (void)ask(request("PUT", "/keys/a", "value=2"));
  const Exchange exchange = stream.get();
  EXPECT_EQ(exchange->status, 200);
  EXPECT_THAT(exchange->body, HasSubstr(R"("value":"2")"));
  EXPECT_EQ(node_.statistics().watchers, 0U) << "the node goes on telling nobody";
}

TEST_F(InProcessTransportTest, WatchReturnsWithItsEvent) {
  auto watch = start_watch("/keys/a?wait=true");
  (void)ask(request("PUT", "/keys/a", "value=1"));
  const Exchange exchange = watch.get();
  EXPECT_EQ(exchange->status, 200);
  EXPECT_THAT(exchange->body, HasSubstr(R"("action":"set")"));
}

TEST_F(InProcessTransportTest, WatchOfThePastReturnsAtOnce) {
  (void)ask(request("PUT", "/keys/a", "value=1"));
  EXPECT_THAT(ask(request("GET", "/keys/a?wait=true&waitIndex=3")).value().body, HasSubstr(R"("value":"1")"));
}

TEST_F(InProcessTransportTest, WatchThatTimesOutAtTheNodeIsEmpty) {
  auto watch = start_watch("/keys/a?wait=true");
  node_.advance(std::chrono::minutes(5));
  const Exchange exchange = watch.get();
  EXPECT_EQ(exchange->status, 200);
  EXPECT_EQ(exchange->body, "");
}

TEST_F(InProcessTransportTest, DeadlineEndsAWatchAndFreesIt) {
  for (const std::string target : {"/keys/a?wait=true", "/keys/a?wait=true&stream=true"}) {
    const TimePoint deadline = runtime_.now() + std::chrono::milliseconds(20);
    const Exchange exchange = transport_.exchange(endpoint, request("GET", target), deadline, {});
    EXPECT_GE(runtime_.now(), deadline);
    EXPECT_EQ(exchange.error().reason, Failure::Reason::timed_out);
    EXPECT_EQ(exchange.error().delivery, Delivery::unknown);
    EXPECT_EQ(node_.statistics().watchers, 0U);
  }
}

TEST_F(InProcessTransportTest, StopEndsAWatchAndFreesIt) {
  std::stop_source stop;
  auto watch = start_watch("/keys/a?wait=true", TimePoint::max(), stop.get_token());
  stop.request_stop();
  const Exchange exchange = watch.get();
  EXPECT_EQ(exchange.error().reason, Failure::Reason::cancelled);
  EXPECT_EQ(exchange.error().delivery, Delivery::unknown);
  EXPECT_EQ(node_.statistics().watchers, 0U);
}

TEST_F(InProcessTransportTest, StoppedBeforehandSendsNothing) {
  std::stop_source stop;
  stop.request_stop();
  const Exchange exchange = ask(request("PUT", "/keys/a", "value=1"), stop.get_token());
  EXPECT_EQ(exchange.error().reason, Failure::Reason::cancelled);
  EXPECT_EQ(exchange.error().delivery, Delivery::not_sent);
  EXPECT_EQ(node_.statistics().requests, 0U);
}

TEST_F(InProcessTransportTest, CloseEndsEveryWatchAndRefusesWhatFollows) {
  auto one = start_watch("/keys/a?wait=true");
  auto other = start_watch("/keys/a?wait=true");
  while (node_.statistics().watchers < 2) std::this_thread::yield();
  transport_.close();
  transport_.close();
  EXPECT_EQ(one.get().error().reason, Failure::Reason::closed);
  EXPECT_EQ(other.get().error().delivery, Delivery::unknown);
  EXPECT_EQ(node_.statistics().watchers, 0U);
  const Exchange late = ask(request("PUT", "/keys/a", "value=1"));
  EXPECT_EQ(late.error().reason, Failure::Reason::closed);
  EXPECT_EQ(late.error().delivery, Delivery::not_sent);
  EXPECT_EQ(node_.statistics().index, 2U);
}

TEST_F(InProcessTransportTest, WatchesHoldUpNobody) {
  auto watch = start_watch("/keys/a?wait=true");
  EXPECT_EQ(ask(request("PUT", "/keys/b", "value=1")).value().status, 201);
  transport_.close();
  EXPECT_FALSE(watch.get());
}

TEST(InProcessTransportOfACluster, SaysWhetherABrokenExchangeMayHaveBeenActedOn) {
  ThreadRuntime runtime;
  Cluster cluster({.nodes = 1});
  InProcessTransport transport(runtime, cluster.node(1));
  const auto put_under = [&](RuleAction action) {
    const ScopedRule rule(cluster, {.name = {}, .match = {}, .action = std::move(action)});
    return transport.exchange(endpoint, request("PUT", "/keys/a", "value=1"), TimePoint::max(), {}).error();
  };
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{20}}) {
    const Failure failure = put_under(ResetAfter{bytes});
    EXPECT_EQ(failure.reason, Failure::Reason::broken);
    EXPECT_EQ(failure.delivery, Delivery::unknown);
  }
  EXPECT_EQ(cluster.node(1).statistics().index, 4U);
  const Failure refused = put_under(RefuseConnection{});
  EXPECT_EQ(refused.reason, Failure::Reason::refused);
  EXPECT_EQ(refused.delivery, Delivery::not_sent);
  EXPECT_EQ(cluster.node(1).statistics().index, 4U);
}

TEST(InProcessTransportOfACluster, ReachesEveryNodeAndSaysWhoAsks) {
  ThreadRuntime runtime;
  Cluster cluster({.nodes = 3, .seed = 1});
  cluster.add_rule({"", {.client = "worker", .method = "PUT"}, Answer{.status = 503}});
  InProcessTransport worker(runtime, cluster, "worker");
  InProcessTransport other(runtime, cluster);
  const Request write = request("PUT", "/keys/a", "value=1");
  EXPECT_EQ(worker.exchange("http://127.0.0.1:4002", write, TimePoint::max(), {}).value().status, 503);
  EXPECT_EQ(other.exchange("http://127.0.0.1:4002", write, TimePoint::max(), {}).value().status, 201);
  EXPECT_EQ(worker.exchange("http://127.0.0.1:4003", request("GET", "/keys/a"), TimePoint::max(), {}).value().status,
            200);
}

}  // namespace
}  // namespace deimos::fake

#include <deimos/testkit/network.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <stop_token>

#include <deimos/testkit/simulation.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

const Request write{.method = "PUT", .target = "/keys/a?value=1", .headers = {}, .body = {}, .content_type = {}};
const Request watch{.method = "GET", .target = "/keys/a?wait=true", .headers = {}, .body = {}, .content_type = {}};

/// One process that talks over the bare transport.
class NetworkTest : public ::testing::Test {
 protected:
  void run(std::function<void(Process&, Transport&)> body) {
    simulation.spawn("client", [this, body = std::move(body)](Process& process) {
      const auto transport = simulation.network().make_transport("client", process.runtime());
      body(process, *transport);
    });
    simulation.run();
  }
  Exchange send(Process& process, Transport& transport, const Request& request, Duration timeout = 10s,
                std::stop_token stop = {}) {
    return transport.exchange("http://node1:4001", request, process.now() + timeout, std::move(stop));
  }
  SimulatedNetwork& network() { return simulation.network(); }
  std::uint64_t index() { return simulation.node().statistics().index; }

  Simulation simulation{{.seed = 3, .links = {.latency_min = 1ms, .latency_max = 1ms}}};
};

void expect_failure(const Exchange& exchange, Failure::Reason reason, Delivery delivery) {
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().reason, reason) << exchange.error().message;
  EXPECT_EQ(exchange.error().delivery, delivery) << exchange.error().message;
}

TEST_F(NetworkTest, TakesTheLatencyOfBothWays) {
  run([&](Process& process, Transport& transport) {
    const Exchange exchange = send(process, transport, write);
    ASSERT_TRUE(exchange);
    EXPECT_EQ(exchange->status, 201);
  });
  EXPECT_EQ(simulation.elapsed(), 2ms);
}

TEST_F(NetworkTest, LetsMessagesOvertakeEachOther) {
  network().set_links({.latency_min = 0ms, .latency_max = 100ms});
  std::vector<std::string> came;
  simulation.cluster().set_observer([&](const fake::AuditRecord& record) { came.push_back(record.value); });
  std::vector<std::string> sent;
  run([&](Process& process, Transport& transport) {
    std::vector<std::unique_ptr<Task>> tasks;
    for (int i = 0; i < 20; ++i) {
      sent.push_back(std::to_string(i));
      Request request = write;
      request.target = "/keys/a?value=" + sent.back();
      tasks.push_back(process.runtime().spawn(
          "sender", [&, request](std::stop_token) { EXPECT_TRUE(send(process, transport, request)); }));
      process.sleep(1ms);
    }
    process.sleep(1s);
  });
  EXPECT_NE(came, sent);
  EXPECT_THAT(came, testing::UnorderedElementsAreArray(sent));
}

TEST_F(NetworkTest, LosesAsManyMessagesAsItIsTold) {
  network().set_links({.request_loss = 0.25});
  int lost = 0;
  run([&](Process& process, Transport& transport) {
    for (int i = 0; i < 1000; ++i) lost += send(process, transport, write, 10ms) ? 0 : 1;
  });
  EXPECT_GT(lost, 200);
  EXPECT_LT(lost, 300);
}

TEST_F(NetworkTest, LetsARequestThatIsLostTimeOutWithoutAnEffect) {
  network().set_links({.request_loss = 1});
  run([&](Process& process, Transport& transport) {
    const std::uint64_t before = index();
    expect_failure(send(process, transport, write, 3s), Failure::Reason::timed_out, Delivery::unknown);
    EXPECT_EQ(index(), before);
  });
  EXPECT_EQ(simulation.elapsed(), 3s);
}

TEST_F(NetworkTest, AppliesARequestWhoseAnswerIsLost) {
  network().set_links({.answer_loss = 1});
  run([&](Process& process, Transport& transport) {
    const std::uint64_t before = index();
    expect_failure(send(process, transport, write, 3s), Failure::Reason::timed_out, Delivery::unknown);
    EXPECT_EQ(index(), before + 1);
  });
}

TEST_F(NetworkTest, AppliesADuplicateTwiceAndAnswersOnce) {
  network().set_links({.duplication = 1});
  run([&](Process& process, Transport& transport) {
    const std::uint64_t before = index();
    EXPECT_TRUE(send(process, transport, write));
    process.sleep(1s);
    EXPECT_EQ(index(), before + 2);
  });
}

TEST_F(NetworkTest, RefusesAtOnceForANodeThatIsDown) {
  network().refuse(1);
  run([&](Process& process, Transport& transport) {
    expect_failure(send(process, transport, write), Failure::Reason::refused, Delivery::not_sent);
    network().refuse(1, false);
    EXPECT_TRUE(send(process, transport, write));
  });
  EXPECT_EQ(simulation.elapsed(), 4ms);
}

TEST_F(NetworkTest, RefusesAnAddressThatNobodyHas) {
  run([&](Process& process, Transport& transport) {
    expect_failure(transport.exchange("http://elsewhere:4001", write, process.now() + 1s, {}), Failure::Reason::refused,
                   Delivery::not_sent);
    EXPECT_TRUE(transport.exchange("http://node1:4001/", write, process.now() + 1s, {}));
  });
}

TEST_F(NetworkTest, CutsOneWayOnly) {
  run([&](Process& process, Transport& transport) {
    const std::uint64_t before = index();
    network().cut("client", 1, Direction::answers);
    EXPECT_FALSE(send(process, transport, write, 1s));
    EXPECT_EQ(index(), before + 1);
    network().heal();
    network().cut("client", 1, Direction::requests);
    EXPECT_FALSE(send(process, transport, write, 1s));
    EXPECT_EQ(index(), before + 1);
    network().heal("client", 1);
    EXPECT_TRUE(send(process, transport, write, 1s));
  });
}

TEST_F(NetworkTest, LosesWhatIsOnItsWayWhenALinkIsCut) {
  simulation.at(1500us, [&] { network().cut("client", 1); });
  run([&](Process& process, Transport& transport) {
    const std::uint64_t before = index();
    expect_failure(send(process, transport, write, 1s), Failure::Reason::timed_out, Delivery::unknown);
    EXPECT_EQ(index(), before + 1) << "the request had arrived";
  });
}

TEST_F(NetworkTest, DeliversARequestWhoseSenderHasGivenUp) {
  run([&](Process& process, Transport& transport) {
    const std::uint64_t before = index();
    expect_failure(send(process, transport, write, 500us), Failure::Reason::timed_out, Delivery::unknown);
    EXPECT_EQ(index(), before);
    process.sleep(1ms);
    EXPECT_EQ(index(), before + 1);
  });
}

TEST_F(NetworkTest, CancelsALongPollAtOnceAndFreesItsWatcher) {
  std::stop_source stop;
  simulation.at(5s, [&] { stop.request_stop(); });
  run([&](Process& process, Transport& transport) {
    expect_failure(send(process, transport, watch, 1min, stop.get_token()), Failure::Reason::cancelled,
                   Delivery::unknown);
    EXPECT_EQ(simulation.elapsed(), 5s);
    EXPECT_EQ(simulation.node().statistics().watchers, 0u);
    expect_failure(send(process, transport, watch, 1min, stop.get_token()), Failure::Reason::cancelled,
                   Delivery::not_sent);
  });
}

TEST_F(NetworkTest, EndsEveryExchangeWhenTheTransportIsClosed) {
  run([&](Process& process, Transport& transport) {
    const auto closer = process.runtime().spawn("closer", [&](std::stop_token) {
      process.sleep(2s);
      transport.close();
    });
    expect_failure(send(process, transport, watch, 1min), Failure::Reason::closed, Delivery::unknown);
    expect_failure(send(process, transport, write), Failure::Reason::closed, Delivery::not_sent);
  });
  EXPECT_EQ(simulation.elapsed(), 2s);
}

TEST_F(NetworkTest, BringsAWatchItsEvent) {
  run([&](Process& process, Transport& transport) {
    const auto writer = process.runtime().spawn("writer", [&](std::stop_token) {
      process.sleep(7s);
      EXPECT_TRUE(send(process, transport, write));
    });
    const Exchange event = send(process, transport, watch, 1min);
    ASSERT_TRUE(event);
    EXPECT_THAT(event->body, ::testing::HasSubstr(R"("value":"1")"));
  });
  EXPECT_EQ(simulation.elapsed(), 7s + 2ms);
}

TEST_F(NetworkTest, EndsAStreamWhenItIsEnough) {
  run([&](Process& process, Transport& transport) {
    Request stream = watch;
    stream.target += "&stream=true";
    stream.enough = [](std::string_view body) { return std::count(body.begin(), body.end(), '\n') == 2; };
    const auto writer = process.runtime().spawn("writer", [&](const std::stop_token&) {
      for (int i = 0; i < 4; ++i) {
        process.sleep(100ms);
        EXPECT_TRUE(send(process, transport, write));
      }
    });
    const Exchange exchange = send(process, transport, stream);
    ASSERT_TRUE(exchange);
    EXPECT_EQ(exchange->status, 200);
    EXPECT_EQ(std::count(exchange->body.begin(), exchange->body.end(), '\n'), 2);
    EXPECT_LT(simulation.elapsed(), 300ms);
    EXPECT_EQ(simulation.node().statistics().watchers, 0U) << "the node goes on telling nobody";
    EXPECT_TRUE(send(process, transport, write)) << "what is told of too late is not taken for another's answer";
  });
}

TEST_F(NetworkTest, RefusesWhatMakesNoSense) {
  EXPECT_THROW(network().cut("nobody", 1), std::invalid_argument);
  simulation.spawn("client", [](Process&) {});
  EXPECT_THROW(network().cut("client", 2), std::invalid_argument);
  EXPECT_THROW(network().refuse(0), std::invalid_argument);
  EXPECT_THROW(network().set_links({.latency_min = 2s, .latency_max = 1s}), std::invalid_argument);
  EXPECT_THROW(network().set_links({.latency_min = -1s}), std::invalid_argument);
  EXPECT_THROW(network().set_links({.request_loss = 1.5}), std::invalid_argument);
}

}  // namespace
}  // namespace deimos::testkit

#include <deimos/testkit/simulation.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SimulationTest : public ::testing::Test {
 protected:
  Simulation simulation{{.seed = 5}};
};

TEST_F(SimulationTest, LetsProcessesTalkThroughTheNode) {
  std::string seen;
  simulation.spawn("writer", [](Process& process) {
    process.sleep(3s);
    process.client().set("/jobs/1", "done").value();
  });
  simulation.spawn("reader", [&](Process& process) {
    for (;;) {
      const auto answer = process.client().get("/jobs/1");
      if (answer) {
        seen = answer->node.value.value();
        return;
      }
      process.sleep(100ms);
    }
  });
  simulation.run();
  EXPECT_EQ(seen, "done");
  EXPECT_GE(simulation.elapsed(), 3s);
  EXPECT_LT(simulation.elapsed(), 3200ms);
}

TEST_F(SimulationTest, ExpiresKeysInVirtualTime) {
  simulation.spawn("writer", [](Process& process) {
    process.client().set("/key", "value", {.ttl = 60s}).value();
    process.sleep(59s);
    EXPECT_TRUE(process.client().get("/key"));
    process.sleep(2s);
    EXPECT_FALSE(process.client().get("/key"));
  });
  simulation.run();
}

TEST_F(SimulationTest, ActsAtAnInstant) {
  std::vector<std::string> order;
  simulation.at(2s, [&] { order.push_back("action"); });
  simulation.spawn("process", [&](Process& process) {
    process.sleep(1s);
    order.push_back("before");
    process.sleep(2s);
    order.push_back("after");
  });
  simulation.run();
  EXPECT_THAT(order, ElementsAre("before", "action", "after"));
}

TEST_F(SimulationTest, GivesAProcessAClockThatIsOffAndRunsFast) {
  simulation.spawn("worker",
                   [&](Process& process) {
                     EXPECT_EQ(process.now(), simulation.now() - 1h);
                     process.sleep(10s);
                     EXPECT_EQ(simulation.elapsed(), 5s);
                     simulation.set_clock_rate("worker", 0.5);
                     process.sleep(10s);
                     EXPECT_EQ(simulation.elapsed(), 25s);
                   },
                   {.clock = {.offset = -1h, .rate = 2}});
  simulation.run();
  EXPECT_EQ(simulation.elapsed(), 25s);
}

TEST_F(SimulationTest, StandsAProcessStillWhileItsClockGoesOn) {
  simulation.spawn("worker", [&](Process& process) {
    const TimePoint before = process.now();
    process.sleep(2s);
    EXPECT_EQ(process.now() - before, 31s);
  });
  simulation.at(1s, [&] { simulation.pause("worker", 30s); });
  simulation.run();
  EXPECT_EQ(simulation.elapsed(), 31s);
}

TEST_F(SimulationTest, DeliversARequestOfAProcessThatWasPausedAfterSendingIt) {
  simulation.network().set_links({.latency_min = 10ms, .latency_max = 10ms});
  simulation.spawn("worker", [&](Process& process) {
    EXPECT_TRUE(process.client().set("/key", "value"));
    EXPECT_EQ(simulation.elapsed(), 1min + 5ms);
  });
  simulation.at(5ms, [&] { simulation.pause("worker", 1min); });
  simulation.at(1s, [&] { EXPECT_TRUE(simulation.observer().client().get("/key")); });
  simulation.run();
}

TEST_F(SimulationTest, ExtendsAPauseThatOverlapsAnother) {
  simulation.spawn("worker", [&](Process& process) { process.sleep(1s); });
  simulation.pause("worker", 10s);
  simulation.pause("worker", 5s);
  simulation.run();
  EXPECT_EQ(simulation.elapsed(), 11s) << "it was paused before it began";
}

TEST_F(SimulationTest, EndsAProcessThatCrashesAndSendsNothingMore) {
  bool went_on = false;
  simulation.spawn("worker", [&](Process& process) {
    process.client().set("/key", "before").value();
    process.sleep(1min);
    process.client().set("/key", "after").value();
    went_on = true;
  });
  simulation.at(30s, [&] { simulation.crash("worker"); });
  simulation.run();
  EXPECT_FALSE(went_on);
  EXPECT_FALSE(simulation.running("worker"));
  EXPECT_EQ(simulation.elapsed(), 30s);
  EXPECT_EQ(simulation.observer().client().get("/key").value().node.value, "before");
}

TEST_F(SimulationTest, CrashesAProcessInTheMiddleOfARequest) {
  simulation.network().set_links({.latency_min = 10ms, .latency_max = 10ms});
  simulation.spawn("worker", [&](Process& process) {
    EXPECT_FALSE(process.client().set("/key", "value"));
    process.sleep(0s);
    ADD_FAILURE() << "lives on";
  });
  simulation.at(5ms, [&] { simulation.crash("worker"); });
  simulation.run();
  EXPECT_EQ(simulation.elapsed(), 5ms);
  simulation.run_for(1s);
  EXPECT_TRUE(simulation.observer().client().get("/key")) << "what was sent arrives all the same";
}

TEST_F(SimulationTest, RestartsAProcessAsANewLife) {
  std::vector<int> lives;
  simulation.spawn("worker", [&](Process& process) {
    lives.push_back(process.life());
    process.sleep(10s);
  });
  simulation.at(4s, [&] { simulation.crash("worker"); });
  simulation.at(5s, [&] { simulation.restart("worker"); });
  simulation.at(6s, [&] { simulation.restart("worker"); });
  simulation.run_for(7s);
  simulation.run();
  EXPECT_THAT(lives, ElementsAre(1, 2, 3));
  EXPECT_EQ(simulation.elapsed(), 16s);
}

TEST_F(SimulationTest, CrashesAProcessThatHoldsABlockedWatch) {
  simulation.spawn("watcher", [](Process& process) {
    static_cast<void>(process.client().wait("/key", {.timeout = 1h}));
    process.sleep(0s);
    ADD_FAILURE() << "lives on";
  });
  simulation.at(1s, [&] { simulation.crash("watcher"); });
  simulation.run();
  EXPECT_EQ(simulation.elapsed(), 1s);
}

TEST_F(SimulationTest, RunsUntilAPredicateHolds) {
  simulation.spawn("writer", [](Process& process) {
    process.sleep(5s);
    process.client().set("/key", "value").value();
    process.sleep(1h);
  });
  EXPECT_TRUE(simulation.run_until([&] { return simulation.network().delivered() == 1; }));
  EXPECT_LT(simulation.elapsed(), 6s);
}

TEST_F(SimulationTest, ReportsAFailureWithWhatHappenedAndHowToReplayIt) {
  simulation.spawn("careless", [](Process& process) {
    process.note("about to fail");
    throw std::runtime_error("no such file");
  });
  try {
    simulation.run();
    FAIL();
  } catch (const SimulationFailure& failure) {
    const std::string report = failure.what();
    EXPECT_THAT(report, HasSubstr("task careless ended with an exception"));
    EXPECT_THAT(report, HasSubstr("careless      about to fail"));
    EXPECT_THAT(report, HasSubstr("seed 5; to replay: DEIMOS_SEED=5 "));
  }
}

TEST_F(SimulationTest, ReportsADeadlockOfTwoProcesses) {
  std::unique_ptr<Signal> signal;
  simulation.spawn("maker", [&](Process& process) {
    signal = process.runtime().make_signal();
    signal->wait(signal->epoch(), TimePoint::max());
  });
  simulation.spawn("waiter", [&](Process& process) {
    process.sleep(1s);
    signal->wait(signal->epoch(), TimePoint::max());
  });
  try {
    simulation.run();
    FAIL();
  } catch (const SimulationFailure& failure) {
    EXPECT_EQ(failure.kind(), SimulationFailure::Kind::deadlock);
    EXPECT_THAT(failure.what(), HasSubstr("maker   maker    signal 1 (made by task "));
    EXPECT_THAT(failure.what(), HasSubstr("+1.000000000s"));
    EXPECT_THAT(failure.what(), HasSubstr("seed 5; to replay: DEIMOS_SEED=5 "));
  }
}

TEST_F(SimulationTest, IsOverAfterAFailureAndHasEndedEveryProcess) {
  bool ended = false;
  struct Ends {
    ~Ends() { flag = true; }
    bool& flag;
  };
  simulation.spawn("other", [&](Process& process) {
    const Ends guard{ended};
    process.sleep(1h);
  });
  simulation.spawn("careless", [](Process&) { throw std::runtime_error("no such file"); });
  EXPECT_THROW(simulation.run(), SimulationFailure);
  EXPECT_TRUE(ended);
  EXPECT_THROW(simulation.run_for(1s), std::logic_error);
}

TEST_F(SimulationTest, RefusesToBeRunByItsOwnProcess) {
  simulation.spawn("process", [&](Process&) { EXPECT_THROW(simulation.run_for(1s), std::logic_error); });
  simulation.run();
}

TEST_F(SimulationTest, NamesTheRequestThatATaskWaitsFor) {
  simulation.spawn("watcher",
                   [](Process& process) { static_cast<void>(process.client().wait("/key", {.timeout = 1h})); });
  simulation.run_for(1s);
  EXPECT_THAT(simulation.scheduler().describe_tasks(),
              HasSubstr("answer of http://node1:4001 to GET /keys/key?wait=true"));
}

TEST(ClusterSimulation, GoesOnInTheNextTermWhenTheLeaderIsCutOff) {
  Simulation simulation({.seed = 11, .nodes = 3});
  const fake::NodeId first_leader = simulation.cluster().leader();
  int written = 0;
  simulation.spawn("writer", [&](Process& process) {
    for (int i = 0; i < 20; ++i) {
      written += process.client().set("/key", std::to_string(i), {.timeout = 5s}) ? 1 : 0;
      process.sleep(1s);
    }
  });
  simulation.at(5s, [&] { simulation.cluster().isolate(first_leader); });
  simulation.run();
  EXPECT_NE(simulation.cluster().leader(), first_leader);
  EXPECT_NE(simulation.cluster().leader(), 0u);
  EXPECT_GE(written, 10);
  simulation.cluster().recover();
  simulation.run_for(5s);
  EXPECT_EQ(simulation.node(1).statistics().index, simulation.node(3).statistics().index);
}

TEST(ClusterSimulation, TellsInItsHistoryWhatBefellTheCluster) {
  Simulation simulation({.seed = 11, .nodes = 3});
  simulation.cluster().after(5s, fake::Isolate{1});
  simulation.cluster().add_rule({.match = {.method = "PUT", .nth = 1}, .action = fake::DropAnswer{}});
  simulation.spawn("writer", [](Process& process) { process.client().set("/key", "value", {.timeout = 1s}); });
  simulation.run_for(10s);
  const std::string history = simulation.history().tail();
  EXPECT_THAT(history, HasSubstr("drop_answer of PUT /keys/key by writer\n"));
  EXPECT_THAT(history, HasSubstr("+5.000000000s     fault       cluster       isolate node 1\n"
                                 "+5.000000000s     quorum      node1         has lost its majority\n"));
  EXPECT_THAT(history, HasSubstr("leads in term 2\n"));
}

TEST(ClusterSimulation, RefusesConnectionsToANodeThatHasCrashed) {
  Simulation simulation({.nodes = 3});
  simulation.cluster().crash(2);
  simulation.spawn("client", [&](Process& process) {
    const auto transport = simulation.network().make_transport("client", process.runtime());
    const Request request{.method = "GET", .target = "/machines", .headers = {}, .body = {}, .content_type = {}};
    const Exchange exchange = transport->exchange("http://node2:4001", request, process.now() + 5s, {});
    ASSERT_FALSE(exchange);
    EXPECT_EQ(exchange.error().delivery, Delivery::not_sent) << exchange.error().message;
    EXPECT_TRUE(transport->exchange("http://node3:4001", request, process.now() + 5s, {}));
  });
  simulation.run();
}

TEST_F(SimulationTest, AStandingClockWaitsUntilItGoesOn) {
  Duration woke{};
  simulation.spawn("sleeper", [&](Process& process) {
    process.sleep(5s);
    woke = simulation.elapsed();
  });
  simulation.at(2s, [&] { simulation.set_clock_rate("sleeper", 0); });
  simulation.at(60s, [&] { simulation.set_clock_rate("sleeper", 1); });
  simulation.run();
  EXPECT_EQ(woke, 63s);
}

TEST_F(SimulationTest, ASleepOfNoTimeLetsOthersRun) {
  std::vector<std::string> order;
  simulation.spawn("polite", [&](Process& process) {
    order.emplace_back("first");
    process.sleep(0s);
    order.emplace_back("third");
  });
  simulation.spawn("other", [&](Process&) { order.emplace_back("second"); });
  simulation.run();
  EXPECT_THAT(order, ElementsAre("first", "second", "third"));
}

TEST_F(SimulationTest, ALoopOfSleepsOfNoTimeIsALivelock) {
  simulation.spawn("spinner", [](Process& process) {
    for (;;) process.sleep(0s);
  });
  try {
    simulation.run();
    FAIL() << "returned";
  } catch (const SimulationFailure& failure) {
    EXPECT_EQ(failure.kind(), SimulationFailure::Kind::livelock);
  }
}

TEST_F(SimulationTest, TheObserverIsOutsideOfTheNetwork) {
  static_cast<void>(simulation.observer());
  simulation.network().set_links({.request_loss = 1});
  simulation.network().refuse(1);
  EXPECT_TRUE(simulation.observer().client().set("/key", "value"));
  EXPECT_EQ(simulation.elapsed(), 0s) << "no latency";
  simulation.network().set_links({});
  simulation.spawn("process", [](Process& process) {
    EXPECT_EQ(process.client().get("/key").error().code, errc::unavailable) << "it is refused";
  });
  simulation.run();
}

/// What the call throws.
std::string message(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "nothing";
}

TEST_F(SimulationTest, NamesWhatAThreadOfItsOwnAsksFor) {
  std::string wait;
  std::string request;
  simulation.spawn("process", [&](Process& process) {
    Client& client = process.client();
    std::jthread([&] {
      request = message([&] { static_cast<void>(client.get("/key")); });
      wait = message([&] { process.runtime().sleep_for(1s); });
    }).join();
  });
  simulation.run();
  EXPECT_THAT(request, HasSubstr("a request of the simulation was asked for by a thread that is not the simulation's"));
  EXPECT_THAT(wait, HasSubstr("a wait of the simulation"));
}

TEST_F(SimulationTest, RefusesWhatMakesNoSenseAndChangesNothing) {
  EXPECT_EQ(message([] { Simulation({.nodes = 0}); }), "nodes must be positive, but is 0");
  EXPECT_EQ(message([] { Simulation({.links = {.request_loss = 2}}); }), "request_loss must be from 0 to 1, but is 2");
  simulation.spawn("worker", [](Process& process) { process.sleep(1s); });
  EXPECT_THROW(simulation.spawn("worker", [](Process&) {}), std::invalid_argument);
  EXPECT_THROW(simulation.spawn("", [](Process&) {}), std::invalid_argument);
  EXPECT_THROW(simulation.spawn("other", [](Process&) {}, {.clock = {.rate = -1}}), std::invalid_argument);
  EXPECT_THROW(simulation.pause("worker", -1s), std::invalid_argument);
  EXPECT_THROW(simulation.pause("nobody", 1s), std::invalid_argument);
  EXPECT_THROW(simulation.crash("nobody"), std::invalid_argument);
  EXPECT_THROW(simulation.restart("other"), std::invalid_argument);
  EXPECT_THROW(simulation.set_clock_rate("worker", -1), std::invalid_argument);
  EXPECT_THROW(simulation.run_for(-1s), std::invalid_argument);
  EXPECT_THROW(simulation.at(-1s, [] {}), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(simulation.node(2)), std::invalid_argument);
  simulation.run();
  EXPECT_EQ(simulation.elapsed(), 1s);
}

}  // namespace
}  // namespace deimos::testkit

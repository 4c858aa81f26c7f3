// Processes that call each other.
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "network/service_world.h"

namespace deimos::testkit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(ServiceTest, AnswersAfterTheLatencyOfBothWays) {
  spawn_server();
  EXPECT_EQ(call().value(), "x!");
  EXPECT_EQ(answered_at, 1s + 20ms);
  EXPECT_THAT(handled, ElementsAre("a x"));
}

TEST_F(ServiceTest, IsWrittenIntoTheHistoryStepByStep) {
  spawn_server();
  EXPECT_TRUE(call());
  EXPECT_THAT(calls(), ElementsAre("call a #1 to db: x", "serve db #1 from a: x", "reply db #1 to a: ok x!",
                                   "answer a #1 from db: ok x!"));
}

TEST_F(ServiceTest, DoesNotKeepARunFromEnding) {
  spawn_server();
  simulation.run();
  EXPECT_EQ(simulation.elapsed(), 0s);
  EXPECT_TRUE(simulation.running("db"));
  EXPECT_EQ(simulation.observer().call("db", "y", 1s).value(), "y!") << "and answers still";
  EXPECT_EQ(simulation.elapsed(), 0s) << "the observer is outside of the network";
}

TEST_F(ServiceTest, HandlesManyCallsAtOnce) {
  spawn_server(1s);
  for (int i = 0; i < 50; ++i) {
    simulation.spawn("client" + std::to_string(i), [i](Process& process) {
      EXPECT_EQ(process.call("db", std::to_string(i), 5s).value(), std::to_string(i) + "!");
    });
  }
  simulation.run();
  EXPECT_EQ(handled.size(), 50u);
  EXPECT_EQ(simulation.elapsed(), 1s + 20ms);
}

TEST_F(ServiceTest, RefusesMoreCallsThanItCanHandle) {
  spawn_server(1s);
  int refused = 0;
  simulation.spawn("crowd", [&](Process& process) {
    std::vector<std::unique_ptr<Task>> tasks;
    for (std::size_t i = 0; i < Service::most_calls + 3; ++i) {
      tasks.push_back(process.runtime().spawn("caller", [&](std::stop_token) {
        const auto answer = process.call("db", "x", 5s);
        if (answer) return;
        EXPECT_EQ(answer.error().code, errc::unavailable);
        ++refused;
      }));
    }
    process.sleep(3s);
  });
  simulation.run();
  EXPECT_EQ(refused, 3);
}

TEST_F(ServiceTest, ThatNobodyServesIsRefused) {
  const auto answer = call(10s, "nowhere");
  EXPECT_EQ(code_of(answer), errc::unavailable);
  EXPECT_NE(answer.error().code, condition::outcome_unknown);
  EXPECT_THAT(answer.error().message, HasSubstr("connection refused by nowhere: nobody serves it"));
  EXPECT_EQ(answered_at, 1s + 20ms) << "after a round trip";
}

TEST_F(ServiceTest, IsFoundByACallThatWasSentBeforeItBegan) {
  simulation.at(1s + 5ms, [&] { spawn_server(); });
  EXPECT_TRUE(call());
  EXPECT_EQ(answered_at, 1s + 20ms);
}

TEST_F(ServiceTest, OfAProcessThatHasCrashedIsRefusedUntilItIsBack) {
  spawn_server();
  simulation.at(500ms, [&] { simulation.crash("db"); });
  EXPECT_EQ(code_of(call()), errc::unavailable);
  simulation.restart("db");
  EXPECT_EQ(simulation.observer().call("db", "again", 1s).value(), "again!");
}

TEST(ServiceOfARestart, IsTakenUpByTheNextLifeWhicheverIsFirstAtTheSameInstant) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Simulation simulation({.seed = seed, .scheduler = {.policy = {.kind = SchedulingPolicy::Kind::random}}});
    simulation.spawn("db", [](Process& process) {
      const Service service = process.serve(
          "db", [&](const ServiceCall&) -> Result<std::string> { return std::to_string(process.life()); });
      process.stand_by();
    });
    simulation.run_for(1s);
    simulation.restart("db");
    EXPECT_EQ(simulation.observer().call("db", "", 1s).value_or("none"), "2") << "seed " << seed;
  }
}

TEST_F(ServiceTest, LosesWhatItWasDoingWhenItCrashes) {
  spawn_server(1s);
  simulation.at(1500ms, [&] { simulation.crash("db"); });
  const auto answer = call();
  EXPECT_EQ(code_of(answer), errc::outcome_unknown) << "it had begun";
  EXPECT_THAT(handled, ElementsAre("a x"));
  EXPECT_EQ(answered_at, 1510ms) << "the connection breaks";
  EXPECT_THAT(calls(), ElementsAre("call a #1 to db: x", "serve db #1 from a: x", "broken db #1 to a: x",
                                   HasSubstr("answer a #1 from db: error: ")));
}

TEST_F(ServiceTest, OfAPausedProcessAnswersLate) {
  spawn_server();
  simulation.at(500ms, [&] { simulation.pause("db", 1min); });
  EXPECT_TRUE(call(2min));
  EXPECT_EQ(answered_at, 1min + 510ms);
}

TEST_F(ServiceTest, OfAPausedProcessIsHandledThoughItsCallerHasGivenUp) {
  spawn_server();
  simulation.at(500ms, [&] { simulation.pause("db", 1min); });
  EXPECT_EQ(code_of(call(3s)), errc::outcome_unknown);
  EXPECT_EQ(answered_at, 4s);
  EXPECT_TRUE(handled.empty());
  simulation.run_for(1min);
  EXPECT_THAT(handled, ElementsAre("a x"));
  EXPECT_THAT(calls(), ElementsAre("call a #1 to db: x", "serve db #1 from a: x",
                                   "unanswered a #1 by db: no answer by the deadline", "reply db #1 to a: ok x!"));
}

TEST_F(ServiceTest, HearsACallWhoseSenderHasCrashed) {
  spawn_server();
  simulation.at(1s + 5ms, [&] { simulation.crash("a"); });
  simulation.spawn("a", [](Process& process) {
    process.sleep(1s);
    static_cast<void>(process.call("db", "last", 1s));
    ADD_FAILURE() << "lives on";
  });
  simulation.run_for(2s);
  EXPECT_THAT(handled, ElementsAre("a last"));
}

TEST_F(ServiceTest, IsNotReachedWhenEveryRequestIsLost) {
  network().set_links({.request_loss = 1});
  spawn_server();
  EXPECT_EQ(code_of(call(3s)), errc::outcome_unknown);
  EXPECT_EQ(answered_at, 4s);
  EXPECT_TRUE(handled.empty());
  EXPECT_THAT(calls(), ElementsAre("call a #1 to db: x", "lost a #1 to db: x",
                                   "unanswered a #1 by db: no answer by the deadline"));
}

TEST_F(ServiceTest, HandlesACallWhoseAnswerIsLost) {
  network().set_links({.answer_loss = 1});
  spawn_server();
  EXPECT_EQ(code_of(call(3s)), errc::outcome_unknown);
  EXPECT_THAT(handled, ElementsAre("a x"));
}

TEST_F(ServiceTest, HandlesADoubledCallTwiceAndAnswersOnce) {
  network().set_links({.latency_min = 10ms, .latency_max = 10ms, .duplication = 1});
  spawn_server();
  EXPECT_EQ(call().value(), "x!");
  simulation.run_for(1s);
  EXPECT_THAT(handled, ElementsAre("a x", "a x"));
  EXPECT_THAT(calls(), testing::Contains("serve db #1+ from a: x"));
}

TEST_F(ServiceTest, SaysUnknownOfADoubledCallThatWasRefusedOnce) {
  network().set_links({.latency_min = 0ms, .latency_max = 10s, .duplication = 1});
  spawn_server();
  simulation.run();
  simulation.crash("db");
  simulation.at(5s, [&] { simulation.restart("db"); });
  int unclear = 0;
  simulation.spawn("a", [&](Process& process) {
    std::vector<std::unique_ptr<Task>> tasks;
    for (int i = 0; i < 20; ++i) {
      tasks.push_back(process.runtime().spawn("caller", [&](std::stop_token) {
        const auto answer = process.call("db", "x", 1min);
        EXPECT_NE(code_of(answer), errc::unavailable) << "the other one may be handled";
        unclear += answer ? 0 : 1;
      }));
    }
    process.sleep(1min);
  });
  simulation.run();
  EXPECT_GT(unclear, 0);
  EXPECT_GT(handled.size(), 0u);
}

TEST_F(ServiceTest, GetsCallsThatOvertakeEachOther) {
  network().set_links({.latency_min = 0ms, .latency_max = 100ms});
  spawn_server();
  std::vector<std::string> sent;
  simulation.spawn("a", [&](Process& process) {
    std::vector<std::unique_ptr<Task>> tasks;
    for (int i = 0; i < 20; ++i) {
      sent.push_back("a " + std::to_string(i));
      tasks.push_back(process.runtime().spawn(
          "caller", [&, i](std::stop_token) { EXPECT_TRUE(process.call("db", std::to_string(i), 1s)); }));
      process.sleep(1ms);
    }
    process.sleep(1s);
  });
  simulation.run();
  EXPECT_NE(handled, sent);
  EXPECT_THAT(handled, testing::UnorderedElementsAreArray(sent));
}

TEST_F(ServiceTest, LosesAsManyCallsAsItsLinkSays) {
  spawn_server();
  int lost = 0;
  simulation.spawn("a", [&](Process& process) {
    for (int i = 0; i < 1000; ++i) lost += process.call("db", "x", 30ms) ? 0 : 1;
  });
  network().set_link("a", "db", {.latency_max = 1ms, .request_loss = 0.25});
  simulation.run();
  EXPECT_GT(lost, 200);
  EXPECT_LT(lost, 300);
}

TEST_F(ServiceTest, ReturnsTheErrorsOfItsHandler) {
  simulation.spawn("db", [](Process& process) {
    const Service service = process.serve(
        "db", [](const ServiceCall&) -> Result<std::string> { return fail(errc::compare_failed, "not so"); });
    process.stand_by();
  });
  const auto answer = call();
  EXPECT_EQ(code_of(answer), errc::compare_failed);
  EXPECT_EQ(answer.error().message, "not so");
  EXPECT_EQ(answer.error().endpoint, "db");
}

TEST_F(ServiceTest, IsGivenUpWhenItsCallerIsStopped) {
  spawn_server(1min);
  std::stop_source stop;
  simulation.at(2s, [&] { stop.request_stop(); });
  simulation.spawn("a", [&](Process& process) {
    EXPECT_EQ(code_of(process.call("db", "x", 1h, stop.get_token())), errc::cancelled);
    EXPECT_EQ(simulation.elapsed(), 2s);
    EXPECT_EQ(code_of(process.call("db", "y", 1h, stop.get_token())), errc::cancelled);
  });
  simulation.run();
  EXPECT_THAT(handled, ElementsAre("a x")) << "the second was not sent";
}

TEST_F(ServiceTest, IsWaitedForByTheCallersOwnClock) {
  spawn_server(1min);
  simulation.spawn("a", [&](Process& process) { EXPECT_FALSE(process.call("db", "x", 10s)); }, {.clock = {.rate = 2}});
  simulation.run();
  EXPECT_EQ(simulation.elapsed(), 5s);
}

TEST_F(ServiceTest, EndsWithItsObjectAfterTheCallsThatAreHandled) {
  simulation.spawn("db", [&](Process& process) {
    std::string kept = "kept";
    const Service service = process.serve("db", [&](const ServiceCall&) -> Result<std::string> {
      process.sleep(2s);
      return kept;  // Is still there.
    });
    EXPECT_EQ(service.name(), "db");
    process.sleep(2s);
    EXPECT_EQ(service.calls(), 1u);
  });
  EXPECT_EQ(call().value(), "kept");
  EXPECT_EQ(simulation.observer().call("db", "x", 1s).error().code, errc::unavailable);
}

TEST_F(ServiceTest, IsTakenOverByAnotherProcess) {
  const auto serve = [](Process& process) {
    const Service service =
        process.serve("db", [&](const ServiceCall&) -> Result<std::string> { return process.name(); });
    process.stand_by();
  };
  simulation.spawn("one", serve);
  simulation.run();
  EXPECT_EQ(simulation.observer().call("db", "", 1s).value(), "one");
  simulation.crash("one");
  simulation.spawn("two", serve);
  simulation.run();
  EXPECT_EQ(simulation.observer().call("db", "", 1s).value(), "two");
}

TEST_F(ServiceTest, CallsAnotherServiceToAnswer) {
  spawn_server();
  simulation.spawn("front", [](Process& process) {
    const Service service = process.serve(
        "front", [&](const ServiceCall& call) { return process.call("db", call.request + " of " + call.from, 1s); });
    process.stand_by();
  });
  EXPECT_EQ(call(10s, "front").value(), "x of a!");
  EXPECT_EQ(answered_at, 1s + 40ms);
}

TEST_F(ServiceTest, OfTheProcessItselfIsReachedAtOnce) {
  network().set_links({.request_loss = 1});
  simulation.spawn("db", [&](Process& process) {
    const Service service = process.serve("db", [](const ServiceCall&) -> Result<std::string> { return "me"; });
    EXPECT_EQ(process.call("db", "x", 1s).value(), "me");
  });
  simulation.run();
  EXPECT_EQ(simulation.elapsed(), 0s);
}

TEST_F(ServiceTest, RefusesWhatMakesNoSense) {
  spawn_server();
  simulation.spawn("a", [&](Process& process) {
    const auto handler = [](const ServiceCall&) -> Result<std::string> { return ""; };
    EXPECT_THROW(static_cast<void>(process.serve("db", handler)), std::logic_error) << "it is served";
    EXPECT_THROW(static_cast<void>(process.serve("", handler)), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(process.serve("x", nullptr)), std::invalid_argument);
    EXPECT_EQ(code_of(process.call("db", "x", 0s)), errc::invalid_argument);
  });
  simulation.run();
  EXPECT_THROW(network().cut("a", "nobody"), std::invalid_argument);
  EXPECT_THROW(network().cut("nobody", "a"), std::invalid_argument);
  EXPECT_THROW(network().cut("a", "a"), std::invalid_argument);
  EXPECT_THROW(network().heal("a", "nobody"), std::invalid_argument);
  EXPECT_THROW(network().set_link("a", "nobody", {}), std::invalid_argument);
  EXPECT_THROW(network().set_link("a", "db", {.request_loss = 2}), std::invalid_argument);
  EXPECT_TRUE(handled.empty());
}

TEST_F(ServiceTest, EndsTheRunWhenAnExceptionEscapesItsHandler) {
  simulation.spawn("db", [](Process& process) {
    const Service service = process.serve(
        "db", [](const ServiceCall&) -> Result<std::string> { throw std::runtime_error("no such table"); });
    process.stand_by();
  });
  simulation.spawn("a", [](Process& process) { static_cast<void>(process.call("db", "x", 1s)); });
  try {
    simulation.run();
    FAIL();
  } catch (const SimulationFailure& failure) {
    EXPECT_THAT(failure.what(), HasSubstr("task serves db ended with an exception at +0.010000000s: no such table"));
  }
}

TEST_F(ServiceTest, IsNamedByThoseWhoWaitForIt) {
  spawn_server(1h);
  simulation.spawn("a", [](Process& process) { static_cast<void>(process.call("db", "x", 2h)); });
  simulation.run_for(1s);
  EXPECT_THAT(simulation.scheduler().describe_tasks(), HasSubstr("#1 answer of db: x"));
}

}  // namespace
}  // namespace deimos::testkit

#include <deimos/testkit/scenario.h>

#include <algorithm>
#include <chrono>
#include <set>

#include <gmock/gmock.h>

#include <deimos/testkit/checkers.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Pair;

TEST(Scenario, DrawsByNameWhateverElseIsDrawn) {
  Scenario one(7);
  Scenario other(7);
  static_cast<void>(other.draw("another", 0, 1000));
  EXPECT_EQ(one.draw("cut at", 1s, 40s), other.draw("cut at", 1s, 40s));
  std::set<Duration> drawn;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Duration at = Scenario(seed).draw("cut at", 1s, 40s);
    EXPECT_GE(at, 1s);
    EXPECT_LE(at, 40s);
    drawn.insert(at);
  }
  EXPECT_GT(drawn.size(), 40U);
}

TEST(Scenario, DrawsAsManyShortDelaysAsLongOnes) {
  int short_ones = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Duration delay = Scenario(seed).draw_delay("delay", 1ms, 1000s);
    EXPECT_GE(delay, 1ms);
    EXPECT_LE(delay, 1000s);
    short_ones += delay < 1s ? 1 : 0;
  }
  EXPECT_GT(short_ones, 70);
  EXPECT_LT(short_ones, 130);
}

TEST(Scenario, RefusesDrawsThatMakeNoSense) {
  Scenario scenario(1);
  static_cast<void>(scenario.draw("once", 1, 2));
  EXPECT_THROW(static_cast<void>(scenario.draw("once", 1, 2)), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(scenario.draw("empty", 2, 1)), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(scenario.draw_delay("never", 0s, 1s)), std::invalid_argument);
}

TEST(Scenario, FollowsItsScript) {
  FaultPlan plan{{{2s, 1s, PauseProcess{"p"}}}};
  Scenario scenario(1, {.draws = {{"a", 5}, {"b", 500}}, .plan = plan});
  EXPECT_EQ(scenario.draw("a", 1, 10), 5);
  EXPECT_EQ(scenario.draw("b", 1, 10), 10) << "held within what may be drawn";
  scenario.simulation().spawn("p", [](Process& process) { process.sleep(5s); });
  EXPECT_EQ(scenario.faults(), plan);
  EXPECT_TRUE(scenario.run());
  EXPECT_EQ(scenario.script().draws.at("b"), 10);
}

TEST(Scenario, EndsARunAtItsFirstFailureAndSaysWhoAndWhen) {
  Scenario scenario(1);
  scenario.simulation().spawn("p", [&](Process& process) {
    process.sleep(2s);
    scenario.check(false, "too late");
    process.sleep(1h);
    scenario.check(false, "never seen");
  });
  EXPECT_FALSE(scenario.run());
  EXPECT_EQ(scenario.simulation().elapsed(), 2s);
  EXPECT_THAT(scenario.failure(), AllOf(HasSubstr("too late"), HasSubstr("+2.000000000s"), HasSubstr("`p`")));
  EXPECT_THAT(scenario.history_tail(5), HasSubstr("FAILED: too late"));
}

TEST(Scenario, StopsWhenTwoBelieveToHoldALock) {
  Scenario scenario(1);
  scenario.simulation({.nodes = 1});
  for (const char* name : {"a", "b"}) {
    scenario.simulation().spawn(name, [&](Process& process) {
      // Prefixes of their own: they lock different records and take them for one lock.
      RecordedLocks locks(process, scenario.recorder(), {.prefix = "/" + process.name(), .ttl = 5s});
      const auto hold = locks.acquire("x").value();
      process.sleep(10s);
    });
  }
  EXPECT_FALSE(scenario.run());
  EXPECT_TRUE(scenario.failed());
  EXPECT_LT(scenario.simulation().elapsed(), 1s);
}

TEST(Scenario, CountsWhatHappened) {
  Scenario scenario(1);
  scenario.simulation({.nodes = 3});
  scenario.simulation().at(2s,
                           [&] { scenario.simulation().cluster().isolate(scenario.simulation().cluster().leader()); });
  for (const char* name : {"a", "b"}) {
    scenario.simulation().spawn(name, [&](Process& process) {
      RecordedLocks locks(process, scenario.recorder(), {.ttl = 5s});
      for (int i = 0; i < 3; ++i) {
        auto hold = locks.acquire("x").value();
        process.sleep(3s);
        static_cast<void>(hold.release());
      }
    });
  }
  scenario.count("rounds", 2);
  EXPECT_TRUE(scenario.run());
  const Exercise exercise = scenario.exercised();
  EXPECT_THAT(exercise, Contains(Pair("locks granted", 6U)));
  EXPECT_THAT(exercise, Contains(Pair("hand-overs", Ge(1U))));
  EXPECT_THAT(exercise, Contains(Pair("elections", Ge(1U))));
  EXPECT_THAT(exercise, Contains(Pair("rounds", 2U)));
  EXPECT_FALSE(exercise.contains("faults"));
}

/// `writes` writes to /jobs/1 and one read of /jobs, by two processes.
void work(Scenario& scenario, int writes) {
  for (const char* name : {"a", "b"}) {
    scenario.simulation().spawn(name, [writes](Process& process) {
      for (int i = 0; i < writes; ++i) process.client().set("/jobs/1", "done").value();
      process.client().get("/jobs").value();
    });
  }
  scenario.simulation().observer().client().set("/jobs/by observer", "x").value();
  EXPECT_TRUE(scenario.run());
}

TEST(Scenario, CountsRequestsByProcessKindAndKey) {
  Scenario scenario(1);
  work(scenario, 3);
  scenario.expect_requests("PUT", "/jobs/**", 6);
  scenario.expect_requests("GET", "/jobs", 2);
  scenario.expect_cost({.process = "a"}, {.requests = 4, .round_trips = 4, .bytes = 4000, .latency = 8ms});
  EXPECT_FALSE(scenario.failed()) << scenario.failure();
  const RequestCost cost = scenario.requests().cost({.process = "b", .method = "PUT"});
  EXPECT_EQ(cost.requests, 3U);
  EXPECT_EQ(cost.round_trips, 3U);
  EXPECT_GT(cost.bytes, 300U);
  EXPECT_GE(cost.latency, 3 * 400us);
  EXPECT_LE(cost.latency, 3 * 2ms);
}

TEST(Scenario, ListsRequestsIfThereAreMoreOrFewerThanExpected) {
  for (const int writes : {2, 4}) {
    Scenario scenario(1);
    work(scenario, writes);
    scenario.expect_requests("PUT", "/jobs/*", 6);
    EXPECT_THAT(scenario.failure(),
                AllOf(HasSubstr("PUT /jobs/*: " + std::to_string(2 * writes) + " requests, expected 6"),
                      HasSubstr("a  " + std::to_string(writes) + " x PUT /jobs/1"),
                      HasSubstr("b  1 x GET /jobs, 1 answered"), HasSubstr("(not counted)")));
    EXPECT_THAT(scenario.failure(), ::testing::Not(HasSubstr("observer")));
  }
  Scenario dear(1);
  work(dear, 3);
  dear.expect_cost({.method = "PUT"}, {.requests = 6, .latency = 1us});
  EXPECT_THAT(dear.failure(), AllOf(HasSubstr("latency "), HasSubstr("(at most 1us)")));
}

TEST(Scenario, CountsWritesOfWhichNobodyKnowsAndWhatFaultsDid) {
  Scenario scenario(
      1,
      {.plan = FaultPlan{{{0s, 5s, fake::Fault(fake::AddRule{{"lost", {.method = "PUT"}, fake::DropAnswer{}}})},
                          {0s, 5s, fake::Fault(fake::AddRule{{"unheard", {.method = "GET"}, fake::DropAnswer{}}})},
                          {0s, 1s, fake::Fault(fake::AddRule{{"idle", {.method = "DELETE"}, fake::DropAnswer{}}})}}}});
  scenario.simulation().spawn("p", [](Process& process) {
    static_cast<void>(process.client().set("/x", "y", {.timeout = 2s}));
    static_cast<void>(process.client().get("/x", {.timeout = 1s}));
    process.sleep(10s);
  });
  scenario.faults();
  EXPECT_TRUE(scenario.run());
  const Exercise exercise = scenario.exercised();
  EXPECT_THAT(exercise, Contains(Pair("unclear writes", 1U)));
  EXPECT_THAT(exercise, Contains(Pair("faults", 3U)));
  EXPECT_THAT(exercise, Contains(Pair("faults that acted", 2U)));
}

TEST(Scenario, CountsGapsInTheHistoryOfWatches) {
  Scenario scenario(1, {.plan = FaultPlan{{{1s, 1s, fake::Fault(fake::WipeHistory{})}}}});
  scenario.simulation().spawn("p", [](Process& process) {
    const auto first = process.client().set("/x", "1").value();
    process.client().set("/x", "2").value();
    process.sleep(2s);
    Watch watch = process.client().watch("/x", {.from_index = first.node.modified_index});
    EXPECT_TRUE(watch.next());
  });
  scenario.simulation().spawn("other", [](Process& process) {
    process.sleep(5s);
    process.client().set("/x", "3").value();
  });
  scenario.faults();
  EXPECT_TRUE(scenario.run());
  EXPECT_GE(scenario.requests().cost({.method = "WATCH", .key = "/x"}).requests, 1U);
  EXPECT_THAT(scenario.exercised(), Contains(Pair("watch gaps", 1U)));
}

TEST(Scenario, TracesWhatACrashedProcessHadSent) {
  Scenario scenario(1);
  Simulation& simulation = scenario.simulation({.links = {.latency_min = 1s, .latency_max = 1s}});
  simulation.spawn("p", [](Process& process) { static_cast<void>(process.client().set("/x", "y")); });
  simulation.at(1500ms, [&] { simulation.crash("p"); });
  scenario.run();
  const RequestCost cost = scenario.requests().cost({.key = "/x"});
  EXPECT_EQ(cost, (RequestCost{.requests = 1, .round_trips = 0, .bytes = cost.bytes, .latency = 1500ms}));
  EXPECT_THAT(scenario.exercised(), Contains(Pair("unclear writes", 1U)));
}

TEST(Scenario, TellsOfItsFailureWhatMattersAndNothingThatCameLater) {
  Scenario scenario(1);
  Simulation& simulation = scenario.simulation();
  for (const char* name : {"noisy", "quiet"}) {
    simulation.spawn(name, [&, name](Process& process) {
      if (name == std::string("quiet")) {
        process.note("an early note");
        process.client().set("/mine", "x").value();
        scenario.simulation().observer().client().get("/mine").value();
        process.sleep(5s);
        scenario.check(false, "wrong");
        process.sleep(5s);
      }
      for (int i = 0; i < 100; ++i) {
        static_cast<void>(process.client().get("/others"));
        process.sleep(20ms);
      }
    });
  }
  simulation.spawn("neighbour", [](Process& process) {
    process.sleep(1s);
    process.client().get("/mine").value();
  });
  simulation.spawn("late", [](Process& process) {
    process.sleep(5500ms);
    process.note("too late");
  });
  scenario.run();
  simulation.run_for(1s);
  simulation.observer().client().set("/tear down", "x").value();
  const std::string tail = scenario.history_tail(12);
  EXPECT_THAT(tail, AllOf(HasSubstr("an early note"), HasSubstr("FAILED: wrong"), HasSubstr("/keys/mine"),
                          HasSubstr("neighbour"), HasSubstr("of less relevance are left out")));
  EXPECT_THAT(tail, ::testing::Not(AnyOf(HasSubstr("tear"), HasSubstr("observer"), HasSubstr("too late"))));
  EXPECT_THAT(scenario.history_tail(4), AllOf(HasSubstr("an early note"), HasSubstr("FAILED"), HasSubstr("/keys/mine"),
                                              ::testing::Not(HasSubstr("neighbour"))));
  EXPECT_THAT(scenario.failure(), HasSubstr("of process `quiet`"));
  EXPECT_EQ(std::ranges::count(tail, '\n'), 13);
}

TEST(Scenario, HasOneSimulationAndOnePlan) {
  Scenario scenario(1);
  scenario.simulation({.nodes = 3});
  EXPECT_THROW(scenario.simulation({.nodes = 3}), std::logic_error);
  EXPECT_EQ(scenario.simulation().seed(), 1U);
  scenario.faults({.nodes = 3});
  EXPECT_THROW(scenario.faults({.nodes = 3}), std::logic_error);
}

}  // namespace
}  // namespace deimos::testkit

#include <deimos/testkit/property.h>

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include <deimos/testkit/checkers.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Property, RunsEachSeedOnce) {
  std::vector<std::uint64_t> seeds;
  const auto note = [&](Scenario& scenario) { seeds.push_back(scenario.seed()); };
  EXPECT_TRUE(run_property(note, {.runs = 3, .first_seed = 10}).ok());
  EXPECT_TRUE(run_property(note, {.runs = 3, .only_seed = 99}).ok());
  EXPECT_THAT(seeds, ElementsAre(10, 11, 12, 99));
}

TEST(Property, StopsAtTheFirstSeedThatFailsAndSaysSoBeforeItShrinks) {
  std::vector<std::string> said;
  int runs = 0;
  const PropertyResult result = run_property(
      [&](Scenario& scenario) {
        ++runs;
        scenario.check(scenario.seed() != 3, "three");
      },
      {.runs = 10,
       .replay_command = [](std::uint64_t seed) { return "again " + std::to_string(seed); },
       .progress = [&](const std::string& line) { said.push_back(line); }});
  EXPECT_EQ(result.failing_seed, 3U);
  EXPECT_EQ(result.runs, 3U);
  EXPECT_THAT(result.failure, HasSubstr("three"));
  EXPECT_THAT(said, ElementsAre("seed 3 fails; to replay: again 3"));
  EXPECT_THAT(result.report("again 3"), HasSubstr("to replay: again 3"));
}

TEST(Property, ShrinksDrawsToTheSmallestThatFailForTheSameReason) {
  const PropertyResult result = run_property(
      [](Scenario& scenario) {
        const int size = scenario.draw("size", 0, 1000);
        static_cast<void>(scenario.draw("unrelated", 0, 1000));
        scenario.check(size < 900, size >= 0 ? "too big" : "negative");
        scenario.check(size != 0, "another reason");
      },
      {.runs = 1000});
  ASSERT_TRUE(result.failing_seed);
  EXPECT_EQ(result.shrunk.draws.at("size"), 900);
  EXPECT_EQ(result.shrunk.draws.at("unrelated"), 0);
  EXPECT_THAT(result.report(""), AllOf(HasSubstr("size = 900"), HasSubstr("unrelated = 0")));
}

TEST(Property, ShrinksThePlanToTheFaultThatMatters) {
  const PropertyResult result = run_property(
      [](Scenario& scenario) {
        scenario.simulation({.nodes = 3}).spawn("p", [](Process& process) { process.sleep(60s); });
        const FaultPlan& plan = scenario.faults({.nodes = 3, .processes = {"p"}, .most_episodes = 20});
        scenario.run();
        for (const Episode& episode : plan.episodes) scenario.check(kind_of(episode.what) != "isolate", "isolated");
      },
      {.runs = 1000});
  ASSERT_TRUE(result.failing_seed);
  ASSERT_EQ(result.shrunk.plan->episodes.size(), 1U);
  EXPECT_THAT(result.report(""), HasSubstr("fake::Isolate{"));
  EXPECT_GT(result.shrinking_runs, 0);
  EXPECT_LE(result.shrinking_runs, 500);
}

TEST(Property, ReportsExceptionsAndFailedSimulations) {
  const PropertyResult thrown = run_property([](Scenario&) { throw std::runtime_error("no good"); });
  EXPECT_THAT(thrown.failure, HasSubstr("no good"));
  const PropertyResult stuck = run_property([](Scenario& scenario) {
    scenario.simulation().spawn("p", [](Process& process) {
      const auto signal = process.runtime().make_signal();
      signal->wait(signal->epoch(), TimePoint::max());
    });
    scenario.simulation().run();
  });
  EXPECT_EQ(stuck.failing_seed, 1U);
  EXPECT_THAT(stuck.failure, HasSubstr("deadlock"));
}

TEST(Property, IsVacuousIfWhatItIsAboutNeverHappens) {
  const auto body = [](Scenario& scenario) {
    scenario.expect_some("locks lost");
    scenario.expect_some("rounds");
    scenario.count("rounds");
    if (scenario.seed() == 5) scenario.count("locks lost");
  };
  const PropertyResult vacuous = run_property(body, {.runs = 4});
  EXPECT_THAT(vacuous.missing(), ElementsAre("locks lost"));
  EXPECT_FALSE(vacuous.ok());
  EXPECT_TRUE(run_property(body, {.runs = 5}).ok());
}

TEST(Property, SaysWhatItExercisedAndWhenNothingIsDrawn) {
  const PropertyResult fixed = run_property([](Scenario& scenario) { scenario.count("rounds", 2); }, {.runs = 3});
  EXPECT_THAT(fixed.summary(), AllOf(HasSubstr("3 runs, rounds 6"), HasSubstr("nothing is drawn")));
  const PropertyResult drawn = run_property([](Scenario& s) { static_cast<void>(s.draw("n", 1, 5)); }, {.runs = 3});
  EXPECT_THAT(drawn.summary(), Not(HasSubstr("nothing is drawn")));
}

TEST(Property, DrawsTheSmallestFailure) {
  const std::string path = ::testing::TempDir() + "property_timeline.html";
  const PropertyResult result = run_property(
      [](Scenario& scenario) {
        scenario.simulation().spawn("worker", [&](Process& process) {
          process.sleep(2s);
          scenario.check(false, "worker is unwell");
        });
        scenario.run();
      },
      {.timeline_path = path});
  EXPECT_THAT(result.report(""), HasSubstr("timeline: " + path));
  std::ostringstream page;
  page << std::ifstream(path).rdbuf();
  EXPECT_THAT(page.str(), AllOf(HasSubstr("\"violated\":2.0"), HasSubstr("worker is unwell")));
}

TEST(Property, BeginsNoRunAfterItsTime) {
  const PropertyResult result = run_property([](Scenario&) {}, {.runs = 1'000'000'000, .time_budget = 1ns});
  EXPECT_EQ(result.runs, 1U);
}

TEST(Property, FindsAndShrinksALockThatIsHeldByTwo) {
  // Clocks of processes that are wrong by far more than the options allow for.
  const PropertyResult result = run_property(
      [](Scenario& scenario) {
        scenario.simulation({.nodes = 3});
        const double rate = 1 - scenario.draw("slow by percent", 0, 60) / 100.0;
        for (const char* name : {"a", "b"}) {
          scenario.simulation().spawn(name,
                                      [&](Process& process) {
                                        RecordedLocks locks(process, scenario.recorder(), {.ttl = 5s});
                                        for (int i = 0; i < 5; ++i) {
                                          const auto hold = locks.acquire("x");
                                          process.sleep(3s);
                                        }
                                      },
                                      {.clock = {.rate = rate}});
        }
        scenario.faults({.nodes = 3, .processes = {"a", "b"}});
        scenario.run();
        scenario.check(mutual_exclusion(scenario.recorder().history()));
      },
      {.runs = 300});
  ASSERT_TRUE(result.failing_seed) << result.summary();
  EXPECT_GT(result.shrunk.draws.at("slow by percent"), 0) << "a clock that is right shows nothing";
  EXPECT_LE(result.shrunk.plan->episodes.size(), 2U) << result.report("");
}

class PropertyVariables : public ::testing::Test {
 protected:
  ~PropertyVariables() override {
    for (const char* name : {"DEIMOS_SEED", "DEIMOS_RUNS", "DEIMOS_FIRST_SEED", "DEIMOS_TIME_BUDGET", "DEIMOS_JOBS",
                             "DEIMOS_SHARDS", "DEIMOS_SHARD"})
      ::unsetenv(name);
  }
};

TEST_F(PropertyVariables, OverrideTheDefaults) {
  ::setenv("DEIMOS_RUNS", "7", 1);
  ::setenv("DEIMOS_FIRST_SEED", "50", 1);
  ::setenv("DEIMOS_TIME_BUDGET", "9", 1);
  const PropertyOptions options = PropertyOptions::from_environment();
  EXPECT_EQ(options.runs, 7U);
  EXPECT_EQ(options.first_seed, 50U);
  EXPECT_EQ(options.time_budget, 9s);
  EXPECT_FALSE(options.only_seed);
  ::setenv("DEIMOS_SEED", "0x10", 1);
  EXPECT_EQ(PropertyOptions::from_environment().only_seed, 16U);
}

TEST_F(PropertyVariables, AreRefusedIfTheyAreNoNumbers) {
  for (const char* wrong : {"x", "-1", "18446744073709551616", "1.5"}) {
    ::setenv("DEIMOS_RUNS", wrong, 1);
    EXPECT_THROW(static_cast<void>(PropertyOptions::from_environment()), std::invalid_argument) << wrong;
  }
  ::unsetenv("DEIMOS_RUNS");
  ::setenv("DEIMOS_TIME_BUDGET", "99999999999", 1);
  EXPECT_THROW(static_cast<void>(PropertyOptions::from_environment()), std::invalid_argument);
}

TEST(PropertyArguments, OverrideTheDefaultsAndUnknownOnesAreRefused) {
  const PropertyOptions options =
      PropertyOptions::from_arguments({"./program", "--gtest_filter=*", "--deimos_runs=12", "--deimos_jobs=2",
                                       "--deimos_shards=3", "--deimos_shard=1", "--deimos_timeline=/tmp/x.html"},
                                      {});
  EXPECT_EQ(options.runs, 12U);
  EXPECT_EQ(options.jobs, 2U);
  EXPECT_EQ(options.shards, 3U);
  EXPECT_EQ(options.shard, 1U);
  EXPECT_EQ(options.timeline_path, "/tmp/x.html");
  for (const char* wrong : {"--deimos_run=1", "--deimos_runs", "--deimos_runs=x", "--deimos_jobs=0"}) {
    EXPECT_THROW(static_cast<void>(PropertyOptions::from_arguments({wrong}, {})), std::invalid_argument) << wrong;
  }
}

TEST(PropertyArguments, SayHowMuchHistoryAReportHas) {
  const auto body = [](Scenario& s) {
    for (int i = 0; i < 9; ++i) s.simulation().note("a note");
    s.fail("wrong");
  };
  PropertyOptions options = PropertyOptions::from_arguments({"--deimos_history_lines=5"}, {.runs = 1});
  EXPECT_THAT(run_property(body, options).failure,
              AllOf(HasSubstr("\n(5 of less relevance"), ::testing::EndsWith("FAILED: wrong\n")));
  options.history_lines = 10;
  EXPECT_THAT(run_property(body, options).failure, ::testing::Not(HasSubstr("of less relevance")));
}

TEST(PropertyShards, ShareOutTheSeeds) {
  std::multiset<std::uint64_t> seeds;
  for (std::uint64_t shard = 0; shard < 3; ++shard) {
    const auto result = run_property([&](Scenario& s) { seeds.insert(s.seed()); },
                                     {.runs = 10, .first_seed = 5, .shards = 3, .shard = shard});
    EXPECT_GE(result.runs, 3U);
  }
  EXPECT_EQ(seeds.size(), 10U);
  EXPECT_EQ(std::set<std::uint64_t>(seeds.begin(), seeds.end()).size(), 10U);
  EXPECT_EQ(*seeds.begin(), 5U);
  EXPECT_THROW(static_cast<void>(run_property([](Scenario&) {}, {.shards = 2, .shard = 2})), std::invalid_argument);
}

TEST(PropertyJobs, CountWhatAllProcessesDid) {
  const auto result = run_property(
      [](Scenario& s) {
        static_cast<void>(s.draw("x", 1, 6));
        s.count("seeds", s.seed());
        s.expect_some("a thing with blanks");
      },
      {.runs = 10, .jobs = 3});
  EXPECT_EQ(result.runs, 10U);
  EXPECT_EQ(result.exercised.at("seeds"), 55U);
  EXPECT_EQ(result.missing(), std::set<std::string>{"a thing with blanks"});
  EXPECT_FALSE(result.draws_nothing);
}

TEST(PropertyJobs, ExplainTheLowestSeedThatFails) {
  const auto result = run_property(
      [](Scenario& s) {
        static_cast<void>(s.draw("x", 1, 6));
        s.check(s.seed() < 6, "too high");
      },
      {.runs = 20, .jobs = 4});
  EXPECT_EQ(result.failing_seed, 6U);
  EXPECT_THAT(result.failure, ::testing::HasSubstr("too high"));
  EXPECT_EQ(result.shrunk.draws.at("x"), 1);
}

TEST(PropertyJobs, SayThatAProcessDied) {
  const auto result = run_property(
      [](Scenario& s) {
        if (s.seed() == 3) ::_exit(1);
      },
      {.runs = 4, .jobs = 2});
  EXPECT_TRUE(result.failing_seed);
  EXPECT_THAT(result.failure, ::testing::HasSubstr("died"));
}

TEST(Vacuity, TellsWhatIsUnknownFromWhatNeverHappened) {
  const auto result = run_property(
      [](Scenario& s) {
        s.count("mine", 0);
        s.expect_some("mine");
        s.expect_some("locks lost");
        s.expect_some("rule drop_answer");
        s.expect_some("lock lost");
      },
      {.runs = 2});
  EXPECT_EQ(result.missing(), (std::set<std::string>{"mine", "locks lost", "rule drop_answer", "lock lost"}));
  EXPECT_EQ(result.unknown(), std::set<std::string>{"lock lost"});
}

TEST(Vacuity, PointsOutInstantsThatAreTheSameInEveryRun) {
  const auto result = run_property(
      [](Scenario& s) {
        s.simulation().spawn("p", [](Process& process) { process.sleep(20s); });
        s.simulation().at(2s, [] {});
        s.simulation().at(s.draw("cut at", 3s, 9s), [] {});
        s.run();
      },
      {.runs = 5});
  EXPECT_EQ(result.fixed_instants, std::set<Duration>{2s});
  EXPECT_THAT(result.summary(), ::testing::HasSubstr("what is done at +2.000000000s"));
}

TEST(KindsOfFaults, AreAllThatAPlanCanHave) {
  const std::vector<std::string>& kinds = kinds_of_faults();
  PlanLimits limits;
  limits.processes = {"p"};
  limits.broken_leases = limits.forged_answers = true;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    for (const Episode& episode : random_plan(seed, limits).episodes)
      EXPECT_THAT(kinds, ::testing::Contains(kind_of(episode.what)));
  }
}

}  // namespace
}  // namespace deimos::testkit

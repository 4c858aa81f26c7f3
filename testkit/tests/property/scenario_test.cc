#include <deimos/testkit/scenario.h>

#include <chrono>
#include <set>

#include <gmock/gmock.h>

#include <deimos/testkit/checkers.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
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

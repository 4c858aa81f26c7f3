#include <deimos/testkit/fault_plan.h>

#include <gtest/gtest.h>

#include <set>

#include <deimos/testkit/simulation.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

PlanLimits with_processes() { return {.processes = {"one", "two"}}; }

TEST(FaultPlanTest, IsTheSameForTheSameSeed) {
  EXPECT_EQ(random_plan(7, with_processes()), random_plan(7, with_processes()));
  EXPECT_NE(random_plan(7, with_processes()), random_plan(8, with_processes()));
}

TEST(FaultPlanTest, SeedsDifferInTheKindsOfFaultTheyHave) {
  std::set<std::size_t> kinds;
  std::size_t most = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    std::set<std::size_t> here;
    for (const Episode& episode : random_plan(seed, with_processes()).episodes) {
      const auto* fault = std::get_if<fake::Fault>(&episode.what);
      here.insert(fault == nullptr ? episode.what.index() : 100 + fault->index());
    }
    most = std::max(most, here.size());
    kinds.insert(here.begin(), here.end());
  }
  EXPECT_GE(kinds.size(), 15u);
  EXPECT_LT(most, kinds.size()) << "no run has everything";
}

TEST(FaultPlanTest, PrintsItselfAsTheCodeThatMakesIt) {
  const FaultPlan plan = FaultPlan{{
      {1500ms, 4s, PauseProcess{"one"}},
      {2s, 1s, CutProcess{"two", 0, Direction::answers}},
      {2s, 250us, BadLinks{20ms, 0.1, 0, 0.25}},
      {3s, 4s, fake::Fault(fake::Partition{{{1}, {2, 3}}})},
      {4s, 1ms,
       fake::Fault(fake::AddRule{
           {"r1", {.client = "one", .method = "PUT", .key = "/locks/**", .times = 2}, fake::Delay{0s, 4s, true}}})},
  }};
  EXPECT_EQ(plan.as_code(),
            R"(FaultPlan{{
    {1500ms, 4s, PauseProcess{"one"}},
    {2s, 1s, CutProcess{"two", 0, Direction::answers}},
    {2s, 250us, BadLinks{20ms, 0.1, 0, 0.25}},
    {3s, 4s, fake::Fault(fake::Partition{{{1}, {2, 3}}})},
    {4s, 1ms, fake::Fault(fake::AddRule{{"r1", {.client = "one", .method = "PUT", .key = "/locks/**", .times = 2}, fake::Delay{0s, 4s, true}}})},
}})");
}

TEST(FaultPlanTest, EndsWhatItBegins) {
  Simulation simulation({.nodes = 3});
  const FaultPlan plan{{{1s, 5s, fake::Fault(fake::Crash{2})}, {2s, 2s, fake::Fault(fake::Pause{3})}}};
  apply(plan, simulation);
  simulation.run_for(3s);
  EXPECT_FALSE(simulation.cluster().state().nodes[1].running);
  EXPECT_TRUE(simulation.cluster().state().nodes[2].paused);
  simulation.run_for(4s);
  EXPECT_TRUE(simulation.cluster().state().nodes[1].running);
  EXPECT_FALSE(simulation.cluster().state().nodes[2].paused);
  EXPECT_EQ(plan.over(), Duration(6s));
}

TEST(FaultPlanTest, KnowsWhetherItBreaksLeases) {
  const auto breaks = [](fake::Fault fault) { return FaultPlan{{{0s, 1s, std::move(fault)}}}.breaks_leases(500ms); };
  EXPECT_TRUE(breaks(fake::ExpireKey{"/locks/a"}));
  EXPECT_TRUE(breaks(fake::SkewClock{1, 300ms})) << "another node may be as far off the other way";
  EXPECT_FALSE(breaks(fake::SkewClock{1, -250ms}));
  EXPECT_FALSE(breaks(fake::Crash{1}));
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    EXPECT_FALSE(random_plan(seed, with_processes()).breaks_leases(500ms)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace deimos::testkit

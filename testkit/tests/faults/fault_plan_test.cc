#include <deimos/testkit/fault_plan.h>

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

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
      {2s, 1s, CrashProcess{"one"}},
      {2s, 1s, CrashProcess{"one", UnsyncedLoss::torn}},
      {2s, 1s, CutProcesses{"one", "two", Direction::requests}},
      {2s, 1s, StepWallClock{"one", -90s}},
      {2s, 1s, BreakDisk{"two", DiskFault::full}},
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
    {2s, 1s, CrashProcess{"one"}},
    {2s, 1s, CrashProcess{"one", UnsyncedLoss::torn}},
    {2s, 1s, CutProcesses{"one", "two", Direction::requests}},
    {2s, 1s, StepWallClock{"one", -90s}},
    {2s, 1s, BreakDisk{"two", DiskFault::full}},
    {3s, 4s, fake::Fault(fake::Partition{{{1}, {2, 3}}})},
    {4s, 1ms, fake::Fault(fake::AddRule{{"r1", {.client = "one", .method = "PUT", .key = "/locks/**", .times = 2}, fake::Delay{0s, 4s, true}}})},
}})");
}

TEST(FaultPlanTest, HasFaultsBetweenProcessesAndOfTheirMachinesOnlyIfAskedFor) {
  const auto kinds_of = [](const PlanLimits& limits) {
    std::set<std::string> kinds;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
      for (const Episode& episode : random_plan(seed, limits).episodes) {
        kinds.insert(kind_of(episode.what));
        const auto* crash = std::get_if<CrashProcess>(&episode.what);
        if (crash != nullptr && crash->loss) kinds.insert("crash process and its disk");
        const auto* cut = std::get_if<CutProcesses>(&episode.what);
        if (cut != nullptr) {
          EXPECT_NE(cut->process, cut->other);
        }
        const auto* step = std::get_if<StepWallClock>(&episode.what);
        if (step != nullptr) {
          EXPECT_LE(std::chrono::abs(step->by), limits.wall_clock_step);
        }
      }
    }
    return kinds;
  };
  PlanLimits limits = with_processes();
  const std::set<std::string> before = kinds_of(limits);
  limits.calls = limits.disks = true;
  limits.wall_clock_step = 1h;
  const std::set<std::string> after = kinds_of(limits);
  for (const char* kind : {"cut processes", "break disk", "step wall clock", "crash process and its disk"}) {
    EXPECT_FALSE(before.contains(kind)) << kind;
    EXPECT_TRUE(after.contains(kind)) << kind;
  }
}

TEST(FaultPlanTest, EndsWhatItDoesToProcessesAndTheirMachines) {
  Simulation simulation({.nodes = 1});
  for (const char* name : {"one", "two"}) {
    simulation.spawn(name, [](Process& process) {
      const Service service =
          process.serve(process.name(), [](const ServiceCall&) -> Result<std::string> { return "here"; });
      process.stand_by();
    });
  }
  std::map<int, std::string> seen;
  const auto look = [&](int second) {
    simulation.at(std::chrono::seconds(second) + 500ms, [&, second] {
      std::string& text = seen[second];
      text = simulation.disk("one").write("a", "1") ? "writes" : "cannot write";
      const auto ahead = simulation.wall_clock("one").now() - simulation.cluster().now();
      text += ahead == 1h ? ", ahead" : ahead == 0h ? ", right" : ", wrong";
    });
  };
  simulation.spawn("caller", [&](Process& process) {
    for (int second = 0; second < 4; ++second) {
      process.sleep(1s);
      EXPECT_TRUE(process.call("two", "", 10ms));
    }
  });
  for (const int second : {0, 1, 2}) look(second);
  apply(FaultPlan{{{1s, 1s, BreakDisk{"one", DiskFault::failing}},
                   {1s, 1s, StepWallClock{"one", 1h}},
                   {1s, 1s, CutProcesses{"one", "two"}}}},
        simulation);
  simulation.run();
  EXPECT_EQ(seen[0], "writes, right");
  EXPECT_EQ(seen[1], "cannot write, ahead");
  EXPECT_EQ(seen[2], "writes, right");
}

TEST(FaultPlanTest, CutsTwoProcessesOffAndNobodyElse) {
  Simulation simulation({.nodes = 1});
  simulation.spawn("server", [](Process& process) {
    const Service service = process.serve("server", [](const ServiceCall&) -> Result<std::string> { return "here"; });
    process.stand_by();
  });
  std::vector<std::string> answered;
  for (const char* name : {"one", "two"}) {
    simulation.spawn(name, [&](Process& process) {
      process.sleep(500ms);
      for (int second = 0; second < 3; ++second) {
        if (process.call("server", "", 10ms)) answered.push_back(process.name() + std::to_string(second));
        process.sleep(1s);
      }
    });
  }
  apply(FaultPlan{{{1s, 1s, CutProcesses{"server", "one", Direction::requests}}}}, simulation);
  simulation.run();
  EXPECT_EQ(std::set<std::string>(answered.begin(), answered.end()),
            (std::set<std::string>{"one0", "two0", "two1", "two2", "one2"}));
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

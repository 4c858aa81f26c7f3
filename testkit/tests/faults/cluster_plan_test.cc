#include <deimos/testkit/cluster_plan.h>

#include <gmock/gmock.h>

#include <deimos/fake/cluster.h>
#include <deimos/fake/fault_json.h>

namespace deimos::testkit {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

TEST(ClusterPlan, HasTheFaultsOfTheClusterAndSaysWhatIsLeftOut) {
  const FaultPlan plan{{
      {1500ms, 4s, fake::Fault(fake::Isolate{2})},
      {2s, 1s, CrashProcess{"one"}},
      {2s, 1s, CrashToSnapshot{3}},
      {3s, 2s, CrashToLateRestart{1, 500ms}},
      {3s, 1s, BadLinks{10ms, 0.5, 0, 0}},
      {4s, 1s, fake::Fault(fake::ExpireKey{"/locks/a"})},
  }};
  const fake::Plan expected{{{1500ms, fake::Isolate{2}},
                             {2s, fake::Crash{3}},
                             {3s, fake::Restart{3, true}},
                             {3s, fake::Crash{1}},
                             {4s, fake::ExpireKey{"/locks/a"}},
                             {5s, fake::Restart{1, false, 500ms}},
                             {5500ms, fake::Rejoin{2}}},
                            {R"(CrashProcess{"one"} at 2s for 1s)", "BadLinks{10ms, 0.5, 0, 0} at 3s for 1s"}};
  EXPECT_EQ(cluster_plan(plan), expected) << fake::to_json(cluster_plan(plan));
}

TEST(ClusterPlan, EveryDrawnPlanReadsBackAndRunsInACluster) {
  const PlanLimits limits{.nodes = 3, .processes = {"one"}, .broken_leases = true, .forged_answers = true};
  std::size_t faults = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const fake::Plan plan = cluster_plan(random_plan(seed, limits));
    EXPECT_EQ(fake::plan_from_json(fake::to_json(plan)), plan) << "seed " << seed;
    fake::Cluster cluster({.nodes = 3, .seed = seed});
    EXPECT_EQ(cluster.run(plan).size(), plan.faults.size()) << "seed " << seed;
    cluster.advance(60s);
    EXPECT_TRUE(cluster.pending_faults().empty());
    EXPECT_TRUE(cluster.rules().empty()) << "seed " << seed << ": each rule is undone";
    faults += plan.faults.size();
  }
  EXPECT_GT(faults, 1000u);
}

}  // namespace
}  // namespace deimos::testkit

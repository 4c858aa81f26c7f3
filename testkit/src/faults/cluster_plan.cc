#include <deimos/testkit/cluster_plan.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace deimos::testkit {
namespace {

/// What begins and what ends an episode.
struct BeginAndEnd {
  std::vector<fake::Fault> begin = {};
  std::vector<fake::Fault> end = {};
};

struct OfCluster {
  BeginAndEnd operator()(const CrashToSnapshot& f) const {
    return {{fake::Crash{f.node}}, {fake::Restart{f.node, true}}};
  }
  BeginAndEnd operator()(const CrashToLateRestart& f) const {
    return {{fake::Crash{f.node}}, {fake::Restart{f.node, false, f.behind}}};
  }
  BeginAndEnd operator()(const fake::Fault& f) const { return {{f}, undoing(f)}; }
  template <typename OfClients>
  BeginAndEnd operator()(const OfClients& /*f*/) const {
    return {};
  }
};

}  // namespace

fake::Plan cluster_plan(const FaultPlan& plan) {
  fake::Plan made;
  for (const Episode& episode : plan.episodes) {
    const BeginAndEnd of_cluster = std::visit(OfCluster{}, episode.what);
    if (of_cluster.begin.empty()) {
      made.left_out.push_back(disturbance_as_code(episode.what) + " at " + duration_as_code(episode.at) + " for " +
                              duration_as_code(episode.lasts));
    }
    for (const fake::Fault& fault : of_cluster.begin) made.faults.push_back({episode.at, fault});
    for (const fake::Fault& fault : of_cluster.end) made.faults.push_back({episode.at + episode.lasts, fault});
  }
  std::ranges::stable_sort(made.faults, {}, &fake::PlannedFault::after);
  return made;
}

}  // namespace deimos::testkit

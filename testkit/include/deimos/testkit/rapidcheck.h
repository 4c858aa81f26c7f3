// How RapidCheck draws and shrinks what a run is made of: programs of lock calls, plans of faults, shapes of clusters.
// It drops processes, steps, episodes and nodes, and shortens what is left. What a step or an episode does is decided
// by one draw, which is not shrunk. Include it where rapidcheck is linked anyway; the library itself does not need it.
//
//     RC_GTEST_PROP(Jobs, RunOneAtATime, ()) {
//       const auto plan = *deimos::testkit::plans({.nodes = 3, .processes = {"a", "b"}});
//       deimos::testkit::Simulation simulation(deimos::testkit::options_of(*deimos::testkit::cluster_shapes()));
//       …
//     }
#pragma once

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <tuple>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include <deimos/testkit/fault_plan.h>
#include <deimos/testkit/history.h>
#include <deimos/testkit/lock_program.h>
#include <deimos/testkit/simulation.h>

namespace deimos::testkit {

inline void showValue(const LockProgram& program, std::ostream& out) { out << "\n" << program.describe(); }
inline void showValue(const FaultPlan& plan, std::ostream& out) { out << "\n" << plan.as_code(); }

/// What is not shrunk: seeds.
[[nodiscard]] inline rc::Gen<std::uint64_t> draws() { return rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>()); }

/// As random_step(); shrinks to shorter ones.
[[nodiscard]] inline rc::Gen<LockStep> steps(ProgramLimits limits) {
  // Its length is scaled down by what shrinks.
  return rc::gen::map(rc::gen::pair(draws(), rc::gen::inRange(0, 8)),
                      [limits](const std::pair<std::uint64_t, int>& drawn) {
                        LockStep step = random_step(drawn.first, limits);
                        step.amount /= 1 << (7 - drawn.second);
                        return step;
                      });
}

/// As many processes as `limits` says, with fewer steps as it shrinks.
[[nodiscard]] inline rc::Gen<LockProgram> programs(ProgramLimits limits) {
  using Steps = std::vector<LockStep>;
  return rc::gen::map(
      rc::gen::container<std::vector<Steps>>(static_cast<std::size_t>(limits.processes),
                                             rc::gen::scale(0.3, rc::gen::container<Steps>(steps(limits)))),
      [](std::vector<Steps> drawn) { return LockProgram{std::move(drawn)}; });
}

/// Of few kinds of fault at a time; shrinks to fewer, shorter, earlier episodes.
[[nodiscard]] inline rc::Gen<FaultPlan> plans(PlanLimits limits) {
  using Drawn = std::tuple<int, int, std::uint64_t>;  // When, how long, what.
  static constexpr int instants = 600;
  const auto episodes = rc::gen::scale(0.12, rc::gen::container<std::vector<Drawn>>(rc::gen::tuple(
                                                 rc::gen::inRange(0, instants), rc::gen::inRange(1, 64), draws())));
  return rc::gen::map(
      rc::gen::pair(draws(), episodes), [limits](const std::pair<std::uint64_t, std::vector<Drawn>>& drawn) {
        FaultPlan plan;
        for (const auto& [at, lasts, draw] : drawn.second) {
          // Squared: as many short ones as long ones.
          const Duration length = limits.shortest + limits.longest / (64 * 64) * lasts * lasts;
          plan.episodes.push_back({std::chrono::floor<std::chrono::milliseconds>(limits.length / instants * at),
                                   std::chrono::floor<std::chrono::milliseconds>(length),
                                   random_disturbance(drawn.first, draw, limits)});
        }
        return plan;
      });
}

/// What a cluster and its network are like in one run.
struct ClusterShape {
  int nodes = 1;
  Duration latency_most = std::chrono::milliseconds(1);
  double missed_sweeps = 0;
  bool forgetful_hub = false;
  std::uint64_t seed = 1;
};

inline void showValue(const ClusterShape& shape, std::ostream& out) {
  out << shape.nodes << " nodes, latency up to " << duration_as_code(shape.latency_most) << ", missed sweeps "
      << shape.missed_sweeps << (shape.forgetful_hub ? ", forgets watches" : "") << ", seed " << shape.seed;
}

/// Shrinks to one node, fast messages and a store that does nothing odd.
[[nodiscard]] inline rc::Gen<ClusterShape> cluster_shapes(int most_nodes = 5,
                                                          Duration latency_most = std::chrono::seconds(1)) {
  using Drawn = std::tuple<int, int, int, int, std::uint64_t>;
  static constexpr int latencies = 10;
  return rc::gen::map(rc::gen::tuple(rc::gen::inRange(1, most_nodes + 1), rc::gen::inRange(0, latencies + 1),
                                     rc::gen::inRange(0, 3), rc::gen::inRange(0, 4), draws()),
                      [latency_most](const Drawn& drawn) {
                        const auto& [nodes, latency, sweeps, forgetful, seed] = drawn;
                        ClusterShape shape;
                        shape.nodes = nodes;
                        // Halved at each step: as many fast networks as slow ones.
                        if (latency > 0)
                          shape.latency_most =
                              std::max<Duration>(shape.latency_most, latency_most / (1 << (latencies - latency)));
                        shape.missed_sweeps = sweeps == 2 ? 0.95 : 0.5 * sweeps;
                        shape.forgetful_hub = forgetful == 3;
                        shape.seed = seed;
                        return shape;
                      });
}

[[nodiscard]] inline SimulationOptions options_of(const ClusterShape& shape) {
  SimulationOptions options;
  options.seed = shape.seed;
  options.nodes = shape.nodes;
  options.links.latency_max = shape.latency_most;
  options.cluster.missed_sweeps = shape.missed_sweeps;
  options.cluster.forgetful_hub = shape.forgetful_hub;
  return options;
}

}  // namespace deimos::testkit

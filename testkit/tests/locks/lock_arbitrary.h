// How RapidCheck draws and shrinks programs of lock calls and plans of faults: it drops processes, steps and episodes,
// and shortens what is left. What a step or an episode does is decided by one draw, which is not shrunk.
#pragma once

#include <cstdint>
#include <ostream>
#include <tuple>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include <deimos/testkit/fault_plan.h>
#include <deimos/testkit/lock_program.h>

namespace deimos::testkit {

inline void showValue(const LockProgram& program, std::ostream& out) { out << "\n" << program.describe(); }
inline void showValue(const FaultPlan& plan, std::ostream& out) { out << "\n" << plan.as_code(); }

[[nodiscard]] inline rc::Gen<std::uint64_t> draws() { return rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>()); }

[[nodiscard]] inline rc::Gen<LockStep> steps(ProgramLimits limits) {
  // Its length is scaled down by what shrinks.
  return rc::gen::map(rc::gen::pair(draws(), rc::gen::inRange(0, 8)),
                      [limits](const std::pair<std::uint64_t, int>& drawn) {
                        LockStep step = random_step(drawn.first, limits);
                        step.amount /= 1 << (7 - drawn.second);
                        return step;
                      });
}

[[nodiscard]] inline rc::Gen<LockProgram> programs(ProgramLimits limits) {
  using Steps = std::vector<LockStep>;
  return rc::gen::map(
      rc::gen::container<std::vector<Steps>>(static_cast<std::size_t>(limits.processes),
                                             rc::gen::scale(0.3, rc::gen::container<Steps>(steps(limits)))),
      [](std::vector<Steps> drawn) { return LockProgram{std::move(drawn)}; });
}

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

}  // namespace deimos::testkit

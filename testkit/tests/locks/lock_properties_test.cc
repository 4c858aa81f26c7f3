// What must hold of locks, whatever several processes do with them and whatever goes wrong.
//
// RapidCheck finds a failing run, shrinks it, and prints the program, the plan (as C++), what happened before, and the
// command that does all of it again. CTest runs it with a fixed seed; without RC_PARAMS the seed is fresh, and printed
// first.
#include <gtest/gtest.h>
#include <rapidcheck/detail/Configuration.h>
#include <rapidcheck/gtest.h>

#include <deimos/testkit/rapidcheck.h>
#include <deimos/testkit/seed.h>

#include "locks/lock_run.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

struct Bounds {
  ProgramLimits program{.processes = 3, .locks = 2, .steps = 24, .longest = 20s};
  PlanLimits plan;
  Bounds() {
    for (std::size_t i = 0; i < 3; ++i) plan.processes.push_back(name_of_process(i));
  }
};

/// The command that draws the same runs again.
std::string replay() {
  const rc::detail::TestParams& drawn = rc::detail::configuration().testParams;
  const ::testing::TestInfo* const test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::string command =
      replay_command(0, std::string("--gtest_filter=") + test->test_suite_name() + "." + test->name());
  return "to replay: RC_PARAMS='seed=" + std::to_string(drawn.seed) +
         " max_success=" + std::to_string(drawn.maxSuccess) + "'" + command.substr(command.find(' ')) + "\n";
}

/// Clocks of processes, off by anything, and by up to `rates` milliseconds in each second.
std::vector<ClockOptions> clocks(std::size_t count, int rates) {
  const auto drawn = *rc::gen::container<std::vector<std::pair<int, int>>>(
      count, rc::gen::pair(rc::gen::inRange(0, 120), rc::gen::inRange(0, 2 * rates + 1)));
  const auto either_way = [](int size) { return size % 2 == 0 ? size / 2 : -(size + 1) / 2; };  // 0 shrinks to 0.
  std::vector<ClockOptions> clocks;
  for (const auto& [offset, rate] : drawn) {
    clocks.push_back({std::chrono::seconds(either_way(offset)), static_cast<double>(1000 + either_way(rate)) / 1000});
  }
  return clocks;
}

/// Draws a run and holds it against `checks`. `rates` as for clocks(); LockOptions allow for 10.
void hold_against(unsigned checks, const Bounds& bounds, int rates = 9) {
  LockRun run;
  run.seed = *draws();
  run.locks.ttl = std::chrono::seconds(*rc::gen::inRange(3, 12));
  run.cluster.missed_sweeps = *rc::gen::element(0.0, 0.5, 0.95);
  run.cluster.forgetful_hub = *rc::gen::element(false, false, true);
  run.program = *programs(bounds.program);
  run.plan = *plans(bounds.plan);
  run.clocks = clocks(run.program.processes.size(), rates);
  const LockRunResult result = run_locks(run);
  if (result.found(checks)) RC_FAIL(describe(run, result, checks) + replay());
}

RC_GTEST_PROP(LockProperties, TwoOwnersNeverHoldTheSameLock, ()) { hold_against(exclusion | finished, Bounds()); }

RC_GTEST_PROP(LockProperties, FencingTokensGrowAndStayTheSameOnReentry, ()) { hold_against(tokens, Bounds()); }

RC_GTEST_PROP(LockProperties, OwnersReenterAndLeaveAsTheModelSays, ()) {
  Bounds bounds;
  bounds.program.locks = 1;
  hold_against(nesting, bounds);
}

RC_GTEST_PROP(LockProperties, ALossIsAnnouncedOnceAndByItsDeadline, ()) { hold_against(losses, Bounds()); }

RC_GTEST_PROP(LockProperties, EveryChangeOfALockComparesWithWhatItsOwnerWrote, ()) { hold_against(owners, Bounds()); }

RC_GTEST_PROP(LockProperties, EveryCallIsBackByItsDeadline, ()) { hold_against(in_time, Bounds()); }

RC_GTEST_PROP(LockProperties, OnceFaultsStopEverybodyIsServedAndNothingIsLeftBehind, ()) {
  hold_against(alive | clean | budget | finished, Bounds());
}

RC_GTEST_PROP(LockProperties, WithoutLateRequestsAndCrashesWaitersAreServedSoon, ()) {
  Bounds bounds;
  bounds.plan.crashes = false;
  bounds.plan.late_requests = false;
  bounds.plan.longest = 3s;
  hold_against(alive | clean, bounds);
}

// Clocks that are wrong by more than the options allow for, and leases that are ended by force: no lease can exclude
// then. Tokens still grow, nothing of another's is touched, and a loss is still announced.
RC_GTEST_PROP(LockProperties, EvenIfLeasesAreBrokenTokensOrderTheHolders, ()) {
  Bounds bounds;
  bounds.plan.broken_leases = true;
  hold_against(tokens | owners | losses | in_time | nesting | finished, bounds, 500);
}

// Answers in which bytes are others. Whoever believes them may believe anything of others' locks, but not of the time.
RC_GTEST_PROP(LockProperties, EvenIfAnswersAreForgedCallsReturnAndLossesAreAnnounced, ()) {
  Bounds bounds;
  bounds.plan.broken_leases = true;
  bounds.plan.forged_answers = true;
  hold_against(losses | in_time | finished, bounds);
}

RC_GTEST_PROP(ClusterShapes, AreAcceptedByASimulationInWhichALockIsGranted, ()) {
  const ClusterShape shape = *cluster_shapes();
  RC_ASSERT(shape.nodes >= 1 && shape.nodes <= 5);
  RC_ASSERT(shape.latency_most <= 1s);
  Simulation simulation(options_of(shape));
  bool granted = false;
  simulation.spawn("p", [&](Process& process) { granted = process.locks().mutex("a").acquire().has_value(); });
  simulation.run();
  RC_ASSERT(granted);
}

}  // namespace
}  // namespace deimos::testkit

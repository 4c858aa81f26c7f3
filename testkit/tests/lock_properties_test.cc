// What must hold of locks, whatever several processes do with them and whatever goes wrong.
//
// RapidCheck finds a failing run, shrinks it, and prints the program, the plan (as C++) and the trace; RC_PARAMS, as it
// prints it, replays it. CTest runs it with a fixed seed; without RC_PARAMS the seed is fresh, and printed first.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "lock_arbitrary.h"
#include "lock_run.h"

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

/// Draws a run and holds it against `checks`.
void hold_against(unsigned checks, const Bounds& bounds, Duration wrong_clocks = {}) {
  LockRun run;
  run.seed = *draws();
  run.locks.ttl = std::chrono::seconds(*rc::gen::inRange(3, 12));
  run.program = *programs(bounds.program);
  run.plan = *plans(bounds.plan);
  if (wrong_clocks > Duration::zero()) {
    for (const double rate : {0.5, 1.0, 2.0}) run.clocks.push_back({wrong_clocks, rate});
  }
  const LockRunResult result = run_locks(run);
  if (result.found(checks)) RC_FAIL(describe(run, result, checks));
}

RC_GTEST_PROP(LockProperties, TwoOwnersNeverHoldTheSameLock, ()) { hold_against(exclusion | finished, Bounds()); }

RC_GTEST_PROP(LockProperties, FencingTokensGrowAndStayTheSameOnReentry, ()) { hold_against(fencing_only, Bounds()); }

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
  hold_against(fencing_only | owners | losses | in_time | nesting | finished, bounds, 3s);
}

}  // namespace
}  // namespace deimos::testkit

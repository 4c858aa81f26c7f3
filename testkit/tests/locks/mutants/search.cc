#include "mutants/search.h"

#include <deimos/testkit/shrink.h>

namespace deimos::testkit::mutants {
namespace {

std::size_t steps_of(const LockProgram& program) {
  std::size_t steps = 0;
  for (const auto& process : program.processes) steps += process.size();
  return steps;
}

}  // namespace

std::string oracle_of(Check check) {
  switch (check) {
    case exclusion: return "ME";
    case tokens: return "FT";
    case losses: return "LN";
    case owners: return "OWN";
    case clean: return "CL";
    case alive: return "LV";
    case budget: return "RQ";
    case in_time: return "DL";
    case nesting: return "re-entry";
    case kept: return "no loss";
    case order: return "FF";
    default: return "run ends";
  }
}

std::optional<Found> find(const Mutant& mutant, const Seeds& seeds, const SchedulingPolicy& policy) {
  for (std::uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
    LockRun run = run_of(mutant, seed);
    run.policy = policy;
    const LockRunResult result = run_locks(run);
    if (!result.found(mutant.found_by)) continue;
    Found found;
    found.seed = seed;
    found.runs = seed - seeds.first + 1;
    found.faults = run.plan.episodes.size();
    found.steps = steps_of(run.program);
    found.what = result.report(mutant.found_by);
    return found;
  }
  return std::nullopt;
}

std::string wrong_with_the_real_client(const Mutant& mutant, const Seeds& seeds, const SchedulingPolicy& policy) {
  for (std::uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
    LockRun run = run_of_the_real_client(mutant, seed);
    run.policy = policy;
    const LockRunResult right = run_locks(run);
    if (right.found(everything)) return describe(run, right);
  }
  return {};
}

void make_small(const Mutant& mutant, Found& found, const SchedulingPolicy& policy) {
  constexpr int most_tries = 40;
  LockRun run = run_of(mutant, found.seed);
  run.policy = policy;
  const auto fails = [&](const FaultPlan& plan, const LockProgram& program) {
    LockRun smaller = run;
    smaller.plan = plan;
    smaller.program = program;
    return run_locks(smaller).found(mutant.found_by);
  };
  const Shrunk shrunk = shrink(run.plan, run.program, fails, most_tries);
  found.faults = shrunk.plan.episodes.size();
  found.steps = steps_of(shrunk.program);
}

}  // namespace deimos::testkit::mutants

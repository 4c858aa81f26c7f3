// Each property bites: lock clients that are broken on purpose (mutants/, named after hazards of distributed locks) are
// found by the checker that is there for them, and clients that are right pass the same runs.
#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "locks/lock_run.h"
#include "mutants/a12_check_then_delete.h"
#include "mutants/a1_foreign_delete.h"
#include "mutants/a3_renew_by_existence.h"
#include "mutants/a7_sticky_held_flag.h"
#include "mutants/b1_unclear_create_is_failure.h"
#include "mutants/b6_cancel_leaves_key.h"
#include "mutants/c10_trusts_its_watch.h"
#include "mutants/c1_watch_from_now.h"
#include "mutants/c2_watch_from_the_past.h"
#include "mutants/d13_renewal_drops_ttl.h"
#include "mutants/d3_deadline_from_answer.h"
#include "mutants/e16_loss_is_told_twice.h"
#include "mutants/e1_renewer_dies.h"
#include "mutants/e2_loss_is_not_told.h"
#include "mutants/e3_no_local_deadline.h"
#include "mutants/e6_renewal_resurrects.h"
#include "mutants/g1_inner_unlock_frees.h"
#include "mutants/g2_count_survives_loss.h"
#include "mutants/g4_new_token_on_reentry.h"
#include "mutants/i5_waits_for_every_answer.h"
#include "mutants/plain_locks.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

using Maker = std::function<std::unique_ptr<LockClient>(Process&, const LockOptions&)>;

/// The real client over a backend that is broken.
template <typename Backend>
Maker over() {
  return [](Process& process, const LockOptions& options) {
    auto backend = std::make_shared<Backend>(process.client());
    auto runtime = std::shared_ptr<Runtime>(process.client().runtime());
    return make_lock_client(std::make_unique<LockManager>(std::move(backend), std::move(runtime), options));
  };
}

/// A client that is broken itself.
template <typename Locks>
Maker instead() {
  return [](Process& process, const LockOptions& options) { return std::make_unique<Locks>(process, options); };
}

/// What kind of runs a mutant is looked for in.
enum class Weather {
  rough,      ///< Anything that LockOptions allow for.
  forced,     ///< And leases that are ended by force.
  swift,      ///< Nothing that could excuse a long wait: no crash, no late request; leases are long, patience is short.
  lossy,      ///< The same, and writes whose answers are lost.
  forgetful,  ///< The same, and servers that forget watches all the time; waiters look rarely.
  crowded,    ///< No faults at all: locks go from hand to hand faster than messages travel.
  slow,       ///< Every message takes long.
  deadly,     ///< Processes crash.
  cut,        ///< Processes are cut off for longer than a lease.
};

LockRun run_in(Weather weather, std::uint64_t seed) {
  LockRun run;
  run.seed = seed;
  PlanLimits until;
  until.processes = {"p1", "p2", "p3"};
  until.broken_leases = weather == Weather::forced;
  until.crashes = weather == Weather::deadly;
  until.late_requests = false;
  if (weather == Weather::swift || weather == Weather::lossy || weather == Weather::forgetful) {
    until.longest = 3s;
    run.locks.ttl = 120s;
    run.patience = 25s;
  } else {
    run.locks.ttl = 5s;
  }
  if (weather == Weather::forgetful) run.locks.poll_interval = 10s;
  run.program = random_program(seed, {.processes = 3, .locks = 1, .steps = 20, .longest = 15s});
  if (weather == Weather::slow) run.links = {.latency_min = 300ms, .latency_max = 1200ms};
  if (weather == Weather::crowded) {
    run.locks.ttl = 120s;
    run.locks.poll_interval = 60s;
    run.patience = 25s;
    run.links.latency_max = 30ms;
    run.program = random_program(seed, {.processes = 3, .locks = 1, .steps = 30, .longest = 50ms});
  } else {
    run.plan = random_plan(seed, until);
  }
  if (weather == Weather::lossy) {
    const fake::Rule lost{"lost", {.method = "PUT", .probability = 0.2}, fake::DropAnswer{}};
    run.plan.episodes.push_back({0s, 40s, fake::Fault(fake::AddRule{lost})});
  }
  if (weather == Weather::cut) {
    for (Duration at = 3s; at < 40s; at += 7s) {
      const std::string process = name_of_process(mix(seed + static_cast<std::uint64_t>(at.count())) % 3);
      run.plan.episodes.push_back({at, 6s, CutProcess{process, 0, Direction::both}});
    }
  }
  if (weather == Weather::forgetful) {
    for (Duration at = 1s; at < 40s; at += 1700ms)
      run.plan.episodes.push_back({at, 0s, fake::Fault(fake::ForgetWatchers{})});
  }
  return run;
}

struct Mutant {
  std::string name;
  Maker client;
  Weather weather;
  Check found_by;
};

void PrintTo(const Mutant& mutant, std::ostream* out) { *out << mutant.name; }

class MutantTest : public ::testing::TestWithParam<Mutant> {};

/// What must hold of a client that is right.
unsigned checks_in(Weather weather) {
  return weather == Weather::forced ? everything & ~unsigned{exclusion} : everything;
}

TEST_P(MutantTest, IsFoundByThePropertyThatIsThereForItWhichTheRealClientPasses) {
  constexpr std::uint64_t most_seeds = 300;
  const Mutant& mutant = GetParam();
  LockRunResult last;
  for (std::uint64_t seed = 1; seed <= most_seeds; ++seed) {
    LockRun run = run_in(mutant.weather, seed);
    const LockRunResult right = run_locks(run);
    ASSERT_FALSE(right.found(checks_in(mutant.weather))) << "the real client:\n"
                                                         << describe(run, right, checks_in(mutant.weather));
    run.client = mutant.client;
    last = run_locks(run);
    if (!last.found(mutant.found_by)) continue;
    std::printf("[    FOUND ] after %llu runs: %.180s\n", static_cast<unsigned long long>(seed),
                last.report(mutant.found_by).c_str());
    return;
  }
  FAIL() << "not found in " << most_seeds << " runs; the last of them found\n" << last.report();
}

using namespace mutants;
INSTANTIATE_TEST_SUITE_P(
    Hazard, MutantTest,
    ::testing::Values(Mutant{"A1_ForeignDelete", over<ForeignDelete>(), Weather::rough, owners},
                      Mutant{"A3_RenewByExistence", over<RenewByExistence>(), Weather::rough, owners},
                      Mutant{"A7_StickyHeldFlag", instead<StickyHeldFlag>(), Weather::forced, tokens},
                      Mutant{"A12_CheckThenDelete", over<CheckThenDelete>(), Weather::rough, owners},
                      Mutant{"B1_UnclearCreateIsFailure", over<UnclearCreateIsFailure>(), Weather::lossy, alive},
                      Mutant{"B6_CancelLeavesKey", instead<CancelLeavesKey>(), Weather::lossy, clean},
                      Mutant{"C1_WatchFromNow", over<WatchFromNow>(), Weather::crowded, alive},
                      Mutant{"C2_WatchFromThePast", over<WatchFromThePast>(), Weather::rough, budget},
                      Mutant{"C10_TrustsItsWatch", over<TrustsItsWatch>(), Weather::forgetful, alive},
                      Mutant{"D3_DeadlineFromAnswer", instead<DeadlineFromAnswer>(), Weather::slow, exclusion},
                      Mutant{"D13_RenewalDropsTtl", over<RenewalDropsTtl>(), Weather::deadly, alive},
                      Mutant{"E1_RenewerDies", instead<RenewerDies>(), Weather::cut, exclusion},
                      Mutant{"E2_LossIsNotTold", instead<LossIsNotTold>(), Weather::cut, losses},
                      Mutant{"E3_NoLocalDeadline", instead<NoLocalDeadline>(), Weather::cut, losses},
                      Mutant{"E6_RenewalResurrects", over<RenewalResurrects>(), Weather::forced, owners},
                      Mutant{"E16_LossIsToldTwice", instead<LossIsToldTwice>(), Weather::cut, losses},
                      Mutant{"G1_InnerUnlockFrees", instead<InnerUnlockFrees>(), Weather::rough, nesting},
                      Mutant{"G2_CountSurvivesLoss", instead<CountSurvivesLoss>(), Weather::cut, nesting},
                      Mutant{"G4_NewTokenOnReentry", instead<NewTokenOnReentry>(), Weather::rough, tokens},
                      Mutant{"I5_WaitsForEveryAnswer", over<WaitsForEveryAnswer>(), Weather::lossy, in_time}),
    [](const ::testing::TestParamInfo<Mutant>& mutant) { return mutant.param.name; });

TEST(FailureReportTest, SaysHowToMakeTheRunWhatBecameOfItAndWhatHappenedBefore) {
  LockRun run;
  LockRunResult result;
  for (std::uint64_t seed = 1; !result.found(exclusion); ++seed) {
    ASSERT_LT(seed, 100u);
    run = run_in(Weather::cut, seed);
    run.client = instead<RenewerDies>();
    result = run_locks(run);
  }
  const std::string report = describe(run, result, exclusion);
  for (const std::string part :
       {"seed ", "\np1: ", "\nplan FaultPlan{{\n    {", "\n* mutual exclusion: ", "fault  CutProcess{",
        "\ncluster at +", " leads, term", "\ntasks:\n", "\nlast events of the simulation", "PUT /keys/locks/a"}) {
    EXPECT_THAT(report, ::testing::HasSubstr(part));
  }
}

TEST(PlainLocksTest, PassTheRunsInWhichMutantsOfThemFail) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    for (const Weather weather : {Weather::rough, Weather::swift}) {
      LockRun run = run_in(weather, seed);
      run.client = instead<PlainLocks>();
      const LockRunResult result = run_locks(run);
      constexpr unsigned checks = everything & ~unsigned{budget};
      ASSERT_FALSE(result.found(checks)) << describe(run, result, checks);
    }
  }
}

}  // namespace
}  // namespace deimos::testkit

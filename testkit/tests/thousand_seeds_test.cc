// A thousand runs: three nodes, five clients that contend for locks, and whatever goes wrong at random, with mutual
// exclusion looked at after every step; then a phase without faults, in which everybody must get every lock, and after
// which nothing may be left behind.
//
// DEIMOS_SEED=n runs that seed alone. DEIMOS_RUNS=n sets how many fixed seeds are run: 1,000 by default, and 60 in
// builds with sanitizers (see CMakeLists.txt).
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include <deimos/testkit/gtest.h>
#include <deimos/testkit/random.h>

#include "lock_run.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t default_runs = 1000;
constexpr int fresh_runs = 5;

LockRun run_of(std::uint64_t seed) {
  constexpr int clients = 5;
  LockRun run;
  run.seed = seed;
  run.nodes = 3;
  run.locks.ttl = std::chrono::seconds(2 + static_cast<int>(mix(seed) % 6));
  run.program = random_program(seed, {.processes = clients, .locks = 2, .steps = 24, .longest = 10s});
  PlanLimits limits;
  limits.nodes = run.nodes;
  for (std::size_t i = 0; i < clients; ++i) limits.processes.push_back(name_of_process(i));
  run.plan = random_plan(mix(seed), limits);
  // Every clock within what LockOptions allow for.
  RandomStream clocks(seed, "clocks");
  for (int i = 0; i < clients; ++i) {
    run.clocks.push_back({clocks.between(-60s, 60s), 1 + 0.00001 * static_cast<double>(clocks.between(-900, 900))});
  }
  return run;
}

/// What happened in all runs together: a test in which nothing goes wrong shows nothing.
struct Totals {
  std::uint64_t steps = 0;
  std::uint64_t requests = 0;
  std::array<std::uint64_t, 5> ends = {};  // Of tenures, by Tenure::End.
  std::uint64_t refused_writes = 0;
  Duration simulated = {};

  void add(const LockRunResult& result) {
    steps += result.steps;
    requests += result.history.requests.size();
    simulated += result.history.end;
    for (const Tenure& tenure : result.history.tenures) ++ends[static_cast<std::size_t>(tenure.end)];
    for (const GuardedWrite& write : result.history.writes) refused_writes += write.accepted ? 0 : 1;
  }
  void print() const {
    std::printf(
        "[   TOTALS ] %.0f simulated seconds, %llu requests, %llu steps; acquisitions released %llu, lost %llu, "
        "expired %llu, crashed %llu; writes refused %llu\n",
        std::chrono::duration<double>(simulated).count(), count(requests), count(steps), count(ends[1]), count(ends[2]),
        count(ends[3]), count(ends[4]), count(refused_writes));
  }

 private:
  static unsigned long long count(std::uint64_t number) { return number; }
};

/// Whether the run of `seed` was as it should be.
bool passes(std::uint64_t seed, Totals& totals) {
  const LockRun run = run_of(seed);
  const LockRunResult result = run_locks(run);
  totals.add(result);
  if (result.findings.empty()) return true;
  ADD_FAILURE() << describe(run, result) << "to replay: " << replay_command_of_test(seed);
  return false;
}

TEST(ThousandSeedsTest, LocksExcludeServeAndCleanUp) {
  Totals totals;
  if (std::getenv(seed_variable) != nullptr) {
    const std::uint64_t seed = seed_from_environment();
    std::printf("[     SEED ] %llu\n", static_cast<unsigned long long>(seed));
    passes(seed, totals);
    return;
  }
  const char* const given = std::getenv("DEIMOS_RUNS");
  const std::uint64_t runs = given == nullptr ? default_runs : std::strtoull(given, nullptr, 10);
  constexpr int failures_shown = 3;
  int failures = 0;
  for (std::uint64_t seed = 1; seed <= runs && failures < failures_shown; ++seed)
    failures += passes(seed, totals) ? 0 : 1;
  for (int i = 0; i < fresh_runs && failures < failures_shown; ++i) {
    const std::uint64_t seed = fresh_seed();
    std::printf("[     SEED ] %llu (fresh)\n", static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    failures += passes(seed, totals) ? 0 : 1;
  }
  totals.print();
  EXPECT_GE(totals.ends[static_cast<std::size_t>(Tenure::End::expired)], runs / 10) << "too little went wrong";
}

TEST(ThousandSeedsTest, TheSameSeedGivesTheSameRun) {
  for (const std::uint64_t seed : {7u, 77u, 777u}) {
    EXPECT_EQ(run_locks(run_of(seed)).hash, run_locks(run_of(seed)).hash) << "seed " << seed;
  }
}

}  // namespace
}  // namespace deimos::testkit

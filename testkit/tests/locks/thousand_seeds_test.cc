// A thousand runs: three nodes, five clients that contend for locks, and whatever goes wrong at random, with mutual
// exclusion looked at after every step; then a phase without faults, in which everybody must get every lock, and after
// which nothing may be left behind.
//
// DEIMOS_SEED=n runs that seed alone. DEIMOS_RUNS=n sets how many fixed seeds are run: 1,000 by default, fewer in
// builds with sanitizers (see CMakeLists.txt); DEIMOS_FIRST_SEED=n, from which on. Each share adds a fresh one.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include <deimos/testkit/gtest.h>
#include <deimos/testkit/random.h>

#include "locks/lock_coverage.h"
#include "locks/lock_run.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t default_runs = 1000;
constexpr int shares = 4;

std::uint64_t number_from_environment(const char* variable, std::uint64_t otherwise) {
  const char* const given = std::getenv(variable);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

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
  run.cluster.missed_sweeps = std::array{0.0, 0.0, 0.5, 0.95}[mix(seed + 1) % 4];
  run.cluster.forgetful_hub = mix(seed + 2) % 4 == 0;
  // Every clock within what LockOptions allow for.
  RandomStream clocks(seed, "clocks");
  for (int i = 0; i < clients; ++i) {
    run.clocks.push_back({clocks.between(-60s, 60s), 1 + 0.00001 * static_cast<double>(clocks.between(-900, 900))});
  }
  return run;
}

/// Whether the run of `seed` was as it should be.
bool passes(std::uint64_t seed, Coverage& coverage) {
  const LockRun run = run_of(seed);
  const LockRunResult result = run_locks(run);
  coverage.add(run, result);
  if (result.findings.empty()) return true;
  ADD_FAILURE() << describe(run, result) << "to replay: " << replay_command_of_test(seed);
  return false;
}

/// A share of the seeds, so that CTest can run the shares side by side.
class ThousandSeedsTest : public ::testing::TestWithParam<int> {};

TEST_P(ThousandSeedsTest, LocksExcludeServeAndCleanUp) {
  Coverage coverage;
  if (std::getenv(seed_variable) != nullptr) {
    const std::uint64_t seed = seed_from_environment();
    std::printf("[     SEED ] %llu\n", static_cast<unsigned long long>(seed));
    passes(seed, coverage);
    return;
  }
  const std::uint64_t first = number_from_environment("DEIMOS_FIRST_SEED", 1);
  const std::uint64_t runs = number_from_environment("DEIMOS_RUNS", default_runs) / shares;
  const std::uint64_t begin = first + static_cast<std::uint64_t>(GetParam() - 1) * runs;
  std::uint64_t seed = begin;
  while (seed < begin + runs && passes(seed, coverage)) ++seed;
  if (seed == begin + runs) {
    const std::uint64_t fresh = fresh_seed();
    std::printf("[     SEED ] %llu to %llu, and %llu (fresh)\n", static_cast<unsigned long long>(begin),
                static_cast<unsigned long long>(seed - 1), static_cast<unsigned long long>(fresh));
    std::fflush(stdout);
    passes(fresh, coverage);
  }
  std::printf("[ COVERAGE ] %s", coverage.describe().c_str());
  if (runs >= default_runs / shares && !HasFailure()) {
    EXPECT_EQ(coverage.missing(), "") << "too little went wrong";
  }
}

INSTANTIATE_TEST_SUITE_P(Share, ThousandSeedsTest, ::testing::Range(1, shares + 1));

TEST(SeedTest, TheSameSeedGivesTheSameRun) {
  for (const std::uint64_t seed : {7u, 77u, 777u}) {
    EXPECT_EQ(run_locks(run_of(seed)).hash, run_locks(run_of(seed)).hash) << "seed " << seed;
  }
}

}  // namespace
}  // namespace deimos::testkit

// Our locks in an etcd v3, in the simulation: the same programs and faults as on a Deimos, over the fake's etcd3
// dialect; and mutexes of both kinds, of which several processes believe to be held at no moment.
//
// DEIMOS_SEED=n runs that seed alone; DEIMOS_RUNS=n sets how many fixed seeds are run.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <deimos/testkit/gtest.h>
#include <deimos/testkit/random.h>
#include <deimos/testkit/simulation.h>

#include "locks/lock_run.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

std::uint64_t runs_from_environment(std::uint64_t otherwise) {
  const char* const given = std::getenv("DEIMOS_RUNS");
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

/// Calls `run` with each seed until one fails.
template <typename Run>
void with_seeds(std::uint64_t runs, Run run) {
  const bool one = std::getenv(seed_variable) != nullptr;
  const std::uint64_t first = one ? seed_from_environment() : 1;
  for (std::uint64_t seed = first; seed < first + (one ? 1 : runs); ++seed) {
    SCOPED_TRACE("to replay: " + replay_command_of_test(seed));
    run(seed);
    if (::testing::Test::HasFailure()) return;
  }
}

LockRun etcd_run_of(std::uint64_t seed) {
  constexpr int clients = 4;
  LockRun run;
  run.seed = seed;
  run.nodes = 3;
  run.cluster.dialect = fake::Dialect::etcd3;
  run.locks.ttl = std::chrono::seconds(2 + static_cast<int>(mix(seed) % 6));
  run.program = random_program(seed, {.processes = clients, .locks = 2, .steps = 16, .longest = 10s});
  PlanLimits limits;
  limits.nodes = run.nodes;
  for (std::size_t i = 0; i < clients; ++i) limits.processes.push_back(name_of_process(i));
  run.plan = random_plan(mix(seed), limits);
  return run;
}

TEST(EtcdLocks, ExcludeWhateverGoesWrong) {
  std::uint64_t acquired = 0;
  std::uint64_t elections = 0;
  with_seeds(runs_from_environment(100), [&](std::uint64_t seed) {
    const LockRun run = etcd_run_of(seed);
    const LockRunResult result = run_locks(run);
    constexpr unsigned checks = exclusion | tokens | losses | alive | nesting | finished;
    EXPECT_FALSE(result.found(checks)) << describe(run, result, checks);
    acquired += result.history.tenures.size();
    elections += result.elections;
  });
  std::printf("[ COVERAGE ] %llu acquisitions, %llu elections\n", static_cast<unsigned long long>(acquired),
              static_cast<unsigned long long>(elections));
  EXPECT_GT(acquired, 10U);
}

/// Who believes to hold what.
class Believers {
 public:
  void add(const std::string& lock, const Hold& hold) { holds_[lock].push_back(&hold); }
  void remove(const std::string& lock, const Hold& hold) { std::erase(holds_[lock], &hold); }
  [[nodiscard]] bool too_many() const {
    for (const auto& [lock, holds] : holds_) {
      if (std::count_if(holds.begin(), holds.end(), [](const Hold* hold) { return hold->is_held(); }) > 1) return true;
    }
    return false;
  }

 private:
  std::map<std::string, std::vector<const Hold*>> holds_;
};

void take_and_leave(Process& process, Believers& believers, const std::map<std::string, Mutex>& mutexes,
                    std::map<std::string, int>& rounds) {
  while (process.now() < Scheduler::start + 3min) {
    for (const auto& [name, mutex] : mutexes) {
      Result<Hold> hold = mutex.acquire({.wait = 20s});
      if (!hold) continue;
      believers.add(name, *hold);
      ++rounds[name];
      process.sleep(process.random().between(Duration(0s), Duration(3s)));
      believers.remove(name, *hold);
      static_cast<void>(hold->release());
    }
  }
}

TEST(EtcdLocks, MutexesOfBothKindsHaveOneHolderThroughLeaderChangesPartitionsAndPauses) {
  with_seeds(runs_from_environment(10), [](std::uint64_t seed) {
    Simulation simulation({.seed = seed, .nodes = 3, .cluster = {.dialect = fake::Dialect::etcd3}});
    simulation.network().set_links({.latency_max = 50ms, .request_loss = 0.01, .answer_loss = 0.01});
    Believers believers;
    std::map<std::string, int> rounds;
    for (const char* name : {"a", "b", "c"}) {
      simulation.spawn(name,
                       [&](Process& process) {
                         const std::map<std::string, Mutex> mutexes = {
                             {"plain", process.locks().mutex("plain")},
                             {"fair", process.locks().mutex("fair", {.fairness = Fairness::fair})}};
                         take_and_leave(process, believers, mutexes, rounds);
                       },
                       {.locks = {.ttl = 4s}});
    }
    RandomStream random = simulation.random("faults");
    for (int i = 0; i < 12; ++i) {
      const std::uint64_t kind = random.below(4);
      const auto node = static_cast<fake::NodeId>(1 + random.below(3));
      const std::string process(1, static_cast<char>('a' + random.below(3)));
      simulation.at(random.between(Duration(1s), Duration(2min)), [&simulation, kind, node, process] {
        if (kind == 0) simulation.cluster().change_leader();
        if (kind == 1) simulation.cluster().isolate(node);
        if (kind == 2) simulation.cluster().pause(node);
        if (kind == 3) simulation.pause(process, 6s);
      });
      simulation.at(random.between(Duration(1s), Duration(2min)), [&simulation, node] {
        simulation.cluster().resume(node);
        simulation.cluster().heal();
      });
    }
    simulation.at(2min, [&] { simulation.cluster().recover(); });
    EXPECT_FALSE(simulation.run_until([&] { return believers.too_many(); }, 150s)) << simulation.history().tail(60);
    simulation.run();
    EXPECT_GT(rounds["plain"], 10);
    EXPECT_GT(rounds["fair"], 10);
  });
}

}  // namespace
}  // namespace deimos::testkit

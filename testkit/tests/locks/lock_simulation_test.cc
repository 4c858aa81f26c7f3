// The production lock in the simulation: what a user writes, and what breaks it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <vector>

#include <deimos/testkit/determinism.h>
#include <deimos/testkit/gtest.h>
#include <deimos/testkit/simulation.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

class LockSimulation : public SimulationTest {};

TEST_F(LockSimulation, LetsOneWorkerInAtATime) {
  int inside = 0;
  int rounds = 0;
  for (const char* name : {"a", "b", "c"}) {
    simulation.spawn(name, [&](Process& process) {
      auto mutex = process.locks().mutex("reports");
      for (int i = 0; i < 5; ++i) {
        const std::scoped_lock held(mutex);
        EXPECT_EQ(++inside, 1);
        process.sleep(5s);
        --inside;
        ++rounds;
      }
    });
  }
  simulation.run();
  EXPECT_EQ(rounds, 15);
}

TEST_F(LockSimulation, TellsAHolderThatSleptThroughItsLease) {
  bool told = false;
  simulation.spawn("sleeper", [&](Process& process) {
    auto hold = process.locks().mutex("reports").acquire().value();
    process.sleep(1s);
    EXPECT_FALSE(hold.is_held());
    process.sleep(1ms);
    told = hold.lost().stop_requested();
  });
  simulation.at(500ms, [&] { simulation.pause("sleeper", 5min); });
  simulation.spawn("heir", [&](Process& process) {
    process.sleep(100ms);
    EXPECT_TRUE(process.locks().mutex("reports").acquire({.wait = 4min}));
  });
  simulation.run();
  EXPECT_TRUE(told);
}

/// Workers that crash and restart at random instants, over a bad network.
void crash_at_random(Simulation& simulation) {
  simulation.network().set_links({.latency_max = 50ms, .request_loss = 0.02, .answer_loss = 0.02, .duplication = 0.02});
  RandomStream faults = simulation.random("faults");
  simulation.spawn("a", [](Process& process) {
    const Mutex mutex = process.locks().mutex("reports");
    for (;;) {
      auto hold = mutex.acquire({.wait = 20s});
      if (!hold) continue;
      process.sleep(process.random().between(Duration(0s), Duration(2s)));
      static_cast<void>(hold->release());
    }
  });
  simulation.spawn("b", [](Process& process) {
    Mutex mutex = process.locks().mutex("reports");
    for (;;) {
      const std::scoped_lock held(mutex);  // Unlocks in a destructor, and so must not throw.
      process.sleep(process.random().between(Duration(0s), Duration(2s)));
    }
  });
  for (const char* name : {"a", "b"}) {
    for (int i = 0; i < 5; ++i) {
      const Duration at = faults.between(Duration(0s), Duration(40s));
      simulation.at(at, [&simulation, name] { simulation.restart(name); });
    }
  }
  simulation.run_for(1min);
  simulation.crash("a");
  simulation.crash("b");
  bool free = false;
  simulation.spawn("last", [&](Process& process) {
    for (int i = 0; i < 10 && !free; ++i) free = process.locks().mutex("reports").acquire({.wait = 30s}).has_value();
  });
  simulation.run();
  EXPECT_TRUE(free);
}

TEST(LockSimulationSeeds, SurviveCrashesAtAnyMoment) {
  const std::uint64_t first = seed_from_environment();
  for (std::uint64_t seed = first; seed < first + 50; ++seed) {
    SCOPED_TRACE("to replay: " + replay_command_of_test(seed));
    Simulation simulation({.seed = seed, .replay_command = replay_command_of_test(seed)});
    crash_at_random(simulation);
    if (::testing::Test::HasFailure()) break;
  }
}

TEST(LockSimulationSeeds, AreDeterministicThroughCrashes) {
  const std::uint64_t seed = seed_from_environment();
  SCOPED_TRACE("to replay: " + replay_command_of_test(seed));
  const auto divergence = check_determinism({.seed = seed, .nodes = 3}, crash_at_random);
  EXPECT_FALSE(divergence) << divergence->report;
}

}  // namespace
}  // namespace deimos::testkit

// GoogleTest on a simulation. Include it where gtest is linked anyway; the library itself does not need it.
//
//     using WorkerTest = deimos::testkit::SimulationTest;
//     TEST_F(WorkerTest, SurvivesACut) {
//       simulation.spawn("worker", …);
//       simulation.run();
//     }
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <deimos/internal/export.h>
#include <deimos/testkit/seed.h>
#include <deimos/testkit/simulation.h>

namespace deimos::testkit {

/// `DEIMOS_SEED=42 ./program --gtest_filter=Suite.Test`, for the test that runs.
[[nodiscard]] inline std::string replay_command_of_test(std::uint64_t seed) {
  const ::testing::TestInfo* const test = ::testing::UnitTest::GetInstance()->current_test_info();
  if (test == nullptr) return replay_command(seed);
  return replay_command(seed, std::string("--gtest_filter=") + test->test_suite_name() + "." + test->name());
}

/// A simulation for each test. The seed comes from DEIMOS_SEED, or is a fresh one; it is printed at the start, and each
/// failure tells how to see it again. A test that wants other options passes them to the constructor from its own
/// fixture; their seed is not used.
class DEIMOS_EXPORT SimulationTest : public ::testing::Test {
 private:
  const std::uint64_t seed_ = seed_from_environment();
  const std::string replay_ = replay_command_of_test(seed_);
  const ::testing::ScopedTrace trace_{__FILE__, __LINE__, "to replay: " + replay_};

 protected:
  explicit SimulationTest(SimulationOptions options = {}) : simulation(completed(std::move(options))) {
    std::printf("[     SEED ] %llu\n", static_cast<unsigned long long>(seed_));
    std::fflush(stdout);
  }

  void TearDown() override {
    if (!HasFailure()) return;
    std::printf("[  HISTORY ] the last events:\n%s[   REPLAY ] %s\n", simulation.history().tail().c_str(),
                replay_.c_str());
    std::fflush(stdout);
  }

  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

  Simulation simulation;

 private:
  SimulationOptions completed(SimulationOptions options) const {
    options.seed = seed_;
    options.replay_command = replay_;
    return options;
  }
};

}  // namespace deimos::testkit

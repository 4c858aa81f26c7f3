// A property as a GoogleTest. Include it where gtest is linked anyway; the library itself does not need it.
//
//     DEIMOS_PROPERTY(Reports, AreWrittenByOneWorkerAtATime)(deimos::testkit::Scenario& s) {
//       auto& simulation = s.simulation({.nodes = 3});
//       …spawn processes…
//       s.faults({.nodes = 3, .processes = {"a", "b"}});
//       s.expect_some("locks lost");
//       s.run();
//       s.check(deimos::testkit::mutual_exclusion(s.recorder().history()));
//     }
//
// Runs with 100 seeds, from 1 on. As variables or as arguments of the program (`--deimos_runs=1000`): DEIMOS_SEED=n
// runs that seed alone, DEIMOS_RUNS=n so many, DEIMOS_FIRST_SEED=n from there on, DEIMOS_TIME_BUDGET=n for at most n
// seconds, DEIMOS_JOBS=n in so many processes, DEIMOS_SHARDS=n and DEIMOS_SHARD=i every nth seed from the ith on
// (GoogleTest's own variables share out whole properties), DEIMOS_HISTORY_LINES=n with so much history,
// DEIMOS_TIMELINE=path draws the failure as HTML. EXPECT and ASSERT fail the run that they are in, with process and
// virtual time, and end it; the first run that fails is shrunk and reported once.
#pragma once

#include <cstdint>
#include <cstdio>
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <deimos/testkit/gtest.h>
#include <deimos/testkit/property.h>

namespace deimos::testkit {

/// Turns failures of EXPECT and ASSERT into those of a scenario, for as long as it lives.
class ScenarioFailures final : public ::testing::ScopedFakeTestPartResultReporter {
 public:
  explicit ScenarioFailures(Scenario& scenario)
      : ScopedFakeTestPartResultReporter(INTERCEPT_ONLY_CURRENT_THREAD, nullptr), scenario_(scenario) {}

  void ReportTestPartResult(const ::testing::TestPartResult& result) override {
    if (!result.failed()) return;
    const char* const file = result.file_name() != nullptr ? result.file_name() : "unknown file";
    scenario_.fail(std::string(file) + ":" + std::to_string(result.line_number()) + ": " + result.message());
  }

 private:
  Scenario& scenario_;
};

/// The body of a test made by DEIMOS_PROPERTY.
inline void run_property_as_test(void (*body)(Scenario&)) {
  PropertyOptions options = PropertyOptions::from_environment();
  options = PropertyOptions::from_arguments(::testing::internal::GetArgvs(), std::move(options));
  options.replay_command = replay_command_of_test;
  options.progress = [](const std::string& line) {
    std::printf("[ PROPERTY ] %s\n", line.c_str());
    std::fflush(stdout);
  };
  options.progress(options.only_seed ? "seed " + std::to_string(*options.only_seed)
                                     : "seeds from " + std::to_string(options.first_seed));
  const PropertyResult result = run_property(
      [body](Scenario& scenario) {
        const ScenarioFailures failures(scenario);
        body(scenario);
      },
      options);
  options.progress(result.summary());
  if (result.failing_seed) {
    ADD_FAILURE() << "seed " << *result.failing_seed
                  << " fails: " << result.report(replay_command_of_test(*result.failing_seed));
  }
  if (options.only_seed || result.failing_seed) return;
  const std::set<std::string> unknown = result.unknown();
  for (const std::string& what : result.missing()) {
    if (!unknown.contains(what)) {
      ADD_FAILURE() << "vacuous: no run exercised `" << what << "`. " << result.summary();
      continue;
    }
    std::string known;
    for (const std::string& name : Scenario::counted()) known += "\n  " + name;
    for (const auto& [name, count] : result.exercised) known += "\n  " + name;
    ADD_FAILURE() << "no run counts `" << what << "`, and no run can; known are" << known;
  }
}

}  // namespace deimos::testkit

/// Begins the definition of a property: the parameter list and the body follow.
#define DEIMOS_PROPERTY(suite, name)                                                               \
  static void deimos_property_##suite##_##name(::deimos::testkit::Scenario&);                      \
  TEST(suite, name) { ::deimos::testkit::run_property_as_test(deimos_property_##suite##_##name); } \
  static void deimos_property_##suite##_##name

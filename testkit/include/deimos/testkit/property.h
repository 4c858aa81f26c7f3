// Runs a property with many seeds: stops at the first that fails and shrinks it, and fails if nothing was exercised.
// <deimos/testkit/gtest_property.h> makes a GoogleTest of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <deimos/internal/export.h>
#include <deimos/testkit/scenario.h>

namespace deimos::testkit {

struct PropertyOptions {
  std::uint64_t runs = 100;
  /// Seeds are this one and those after it.
  std::uint64_t first_seed = 1;
  /// Runs this seed alone.
  std::optional<std::uint64_t> only_seed = {};
  /// Begins no run after so much real time; 0: no limit.
  std::chrono::nanoseconds time_budget = {};
  /// Of the seeds, the one at `shard` (from 0) and every `shards`th after it: so several machines share them out.
  std::uint64_t shards = 1;
  std::uint64_t shard = 0;
  /// Processes that run side by side, each a share of the seeds (by fork(): there should be no other threads). The
  /// report is that of the lowest seed that failed in any of them.
  unsigned jobs = 1;
  /// Lines of history in a report.
  std::size_t history_lines = 60;
  /// Runs that shrinking may use; 0: none.
  int shrinking_runs = 500;
  /// Where the timeline of the smallest failing run goes, as HTML; empty: nowhere.
  std::string timeline_path = {};
  /// The command that runs one seed again.
  std::function<std::string(std::uint64_t)> replay_command = {};
  /// Told of each line worth printing while it runs: first seeds, progress each few seconds, a failing seed before it
  /// is shrunk.
  std::function<void(const std::string&)> progress = {};

  /// With DEIMOS_SEED (that seed alone), DEIMOS_RUNS, DEIMOS_FIRST_SEED, DEIMOS_TIME_BUDGET (seconds), DEIMOS_SHARDS,
  /// DEIMOS_SHARD, DEIMOS_JOBS, DEIMOS_HISTORY_LINES and DEIMOS_TIMELINE (a path) from the environment, where they are
  /// set. Throws std::invalid_argument if one is no number in its range.
  [[nodiscard]] DEIMOS_EXPORT static PropertyOptions from_environment(PropertyOptions defaults);
  /// The same from arguments, `--deimos_seed=7`, `--deimos_runs=1000`, …; others are left alone. Throws
  /// std::invalid_argument also for an argument that begins with `--deimos_` and is none of these.
  [[nodiscard]] DEIMOS_EXPORT static PropertyOptions from_arguments(const std::vector<std::string>& arguments,
                                                                    PropertyOptions defaults);
  [[nodiscard]] static PropertyOptions from_environment() { return from_environment(PropertyOptions()); }
};

struct DEIMOS_EXPORT PropertyResult {
  std::uint64_t runs = 0;
  Exercise exercised;              ///< Over all runs.
  std::set<std::string> expected;  ///< By Scenario::expect_some().
  std::optional<std::uint64_t> failing_seed;
  std::string failure;  ///< What the smallest failing run says.
  Script shrunk;        ///< What that run follows.
  int shrinking_runs = 0;
  std::string timeline_path;               ///< Of the file written, if one was.
  std::set<Duration> fixed_instants = {};  ///< Of Simulation::at(), the same in every run.
  bool draws_nothing = false;  ///< No run drew anything: all of them had the same faults at the same instants.

  /// Of what should have been exercised, what never was, if no run failed.
  [[nodiscard]] std::set<std::string> missing() const;
  /// Of those, what no run knows: neither counted by one, nor one of Scenario::counted().
  [[nodiscard]] std::set<std::string> unknown() const;
  [[nodiscard]] bool ok() const { return !failing_seed && missing().empty(); }
  /// One line of what was exercised.
  [[nodiscard]] std::string summary() const;
  /// For a failure: why, the smallest script as C++, how to replay it.
  [[nodiscard]] std::string report(const std::string& replay_command) const;
};

/// Calls `body` with a new Scenario for each seed. A run fails if the scenario does, or an exception escapes the body.
/// A failing run is shrunk: runs that follow a smaller script and fail for the same reason take its place.
[[nodiscard]] DEIMOS_EXPORT PropertyResult run_property(const std::function<void(Scenario&)>& body,
                                                        const PropertyOptions& options = {});

}  // namespace deimos::testkit

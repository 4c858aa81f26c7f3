// One run of a property: a simulation, what is drawn for it by name, a plan of faults, and what it exercised.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/internal/export.h>
#include <deimos/testkit/fault_plan.h>
#include <deimos/testkit/lock_recorder.h>
#include <deimos/testkit/request_trace.h>
#include <deimos/testkit/simulation.h>
#include <deimos/testkit/timeline.h>
#include <deimos/testkit/verdict.h>

namespace deimos::testkit {

/// What decides a run beside its seed. A run notes its script; a run with a script follows it where it says something.
struct Script {
  std::map<std::string, std::int64_t> draws = {};  ///< By name: the number drawn, a Duration in nanoseconds.
  std::optional<FaultPlan> plan = {};
};

/// At most so much, where given.
struct CostLimits {
  std::optional<std::uint64_t> requests = {};
  std::optional<std::uint64_t> round_trips = {};
  std::optional<std::uint64_t> bytes = {};
  std::optional<Duration> latency = {};
};

/// Counts of what happened, by name; see Scenario::count() for those that are always counted.
using Exercise = std::map<std::string, std::uint64_t>;

/// Given to a property's body, once for each seed; must be used by the body only.
class DEIMOS_EXPORT Scenario {
 public:
  explicit Scenario(std::uint64_t seed, Script script = {}, std::string replay_command = {});
  ~Scenario();
  Scenario(const Scenario&) = delete;
  Scenario& operator=(const Scenario&) = delete;

  [[nodiscard]] std::uint64_t seed() const noexcept;

  /// The simulation, made by the first call, with these options; seed and replay command are filled in, and what
  /// happens at one instant goes by chance, never in order. Throws std::logic_error if a later call gives options.
  Simulation& simulation();
  Simulation& simulation(SimulationOptions options);

  /// Uniform in [least, most]; by a name that is unique in the run, so that one more draw changes no other, and a
  /// report can name it. Shrinks towards `least`. Throws std::invalid_argument if most < least, or the name was used.
  std::int64_t draw(std::string_view name, std::int64_t least, std::int64_t most);
  int draw(std::string_view name, int least, int most) {
    return static_cast<int>(draw(name, std::int64_t{least}, std::int64_t{most}));
  }
  Duration draw(std::string_view name, Duration least, Duration most) {
    return Duration(draw(name, least.count(), most.count()));
  }
  /// Log-uniform in [least, most], least > 0: as many short ones as long ones.
  Duration draw_delay(std::string_view name, Duration least, Duration most);
  /// One of `choices`, which must not be empty. Shrinks towards the first.
  template <typename T>
  T pick(std::string_view name, const std::vector<T>& choices) {
    return choices.at(
        static_cast<std::size_t>(draw(name, std::int64_t{0}, static_cast<std::int64_t>(choices.size()) - 1)));
  }

  /// Draws a plan of faults within `limits` and schedules it, once in a run. Its episodes are dropped and shortened
  /// when a failure is shrunk.
  const FaultPlan& faults(const PlanLimits& limits = {});

  /// Records locks of processes for the checkers (checkers.h); made when first asked for.
  LockRecorder& recorder();

  /// Runs until every process has ended, or for `limit`, or until the run has failed: by a check, or because two owners
  /// believe to hold one of the recorder's locks. True if all have ended.
  bool run(Duration limit = std::chrono::hours(24));

  /// The run fails if `verdict` is not ok, or `holds` is false. Only the first failure counts.
  void check(const Verdict& verdict);
  void check(bool holds, std::string_view what);
  /// The run has failed; a fail in a task says which one and when.
  void fail(std::string_view what);
  [[nodiscard]] bool failed() const noexcept;
  /// Why; empty if it has not failed.
  [[nodiscard]] const std::string& failure() const noexcept;

  /// This happened (`times` more, which may be 0: then the name is known). Counted without asking: see counted().
  void count(const std::string& what, std::uint64_t times = 1);
  /// This property is about `what`: if it is counted in none of its runs, the property fails as vacuous; if no run
  /// knows the name at all, it is refused, with a list of those that are known.
  void expect_some(const std::string& what);
  /// What is counted without asking: `requests`, `unclear writes`, `watch gaps`, `elections`, `faults`, `faults that
  /// acted`, `locks granted`, `locks lost`, `locks expired`, `locks waited for`, `hand-overs`, `re-entries`,
  /// `writes refused`, and each kind of fault (kinds_of_faults()).
  [[nodiscard]] static std::vector<std::string> counted();

  /// Every request of the run's processes so far; those of Simulation::observer() are left out.
  [[nodiscard]] const RequestTrace& requests() const noexcept;
  /// The run fails unless exactly so many requests of that method (WATCH, PUT, …) went to keys that the pattern matches
  /// (`/jobs/**`), of any process; to be called after run(). The failure lists what was sent.
  void expect_requests(const std::string& method, const std::string& key, std::uint64_t exactly);
  /// The run fails if what `which` matches cost more than `most`, in any respect that is given.
  void expect_cost(const RequestPattern& which, const CostLimits& most);

  // For whoever runs the property.

  /// Counts of this run. To be called once, at its end.
  [[nodiscard]] Exercise exercised();
  [[nodiscard]] const std::vector<std::string>& expected() const noexcept;
  /// What was drawn, and the plan.
  [[nodiscard]] const Script& script() const noexcept;
  /// Instants of Simulation::at() that are not the plan's: known once run() was called.
  [[nodiscard]] const std::set<Duration>& instants() const noexcept;
  /// What happened up to the failure (or so far): faults, notes and what was done with locks first of all, then
  /// requests of the process that failed, then those of others, up to so many lines. Without the test's own observer.
  /// Empty if there was no simulation.
  [[nodiscard]] std::string history_tail(std::size_t lines) const;
  /// The run so far, with its failure.
  [[nodiscard]] Timeline timeline() const;

 private:
  void note_instants();
  void watch_faults();

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace deimos::testkit

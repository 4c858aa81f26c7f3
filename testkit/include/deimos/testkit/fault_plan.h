// What goes wrong in a run, as a value: drawn from a seed, shrunk, printed as the C++ that makes it, and applied to a
// Simulation.
//
//     const FaultPlan plan = random_plan(seed, {.nodes = 3, .processes = {"one", "two"}});
//     apply(plan, simulation, &recorder);
//     std::cout << plan.as_code();          // FaultPlan{{ {1500ms, 4s, fake::Isolate{2}}, … }}
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include <deimos/fake/fault.h>
#include <deimos/internal/export.h>
#include <deimos/runtime.h>
#include <deimos/testkit/lock_recorder.h>
#include <deimos/testkit/network.h>

namespace deimos::testkit {

class Simulation;

/// The process stands still, as in a long garbage collection.
struct PauseProcess {
  std::string process;
  bool operator==(const PauseProcess&) const = default;
};
/// Undone by its restart.
struct CrashProcess {
  std::string process;
  bool operator==(const CrashProcess&) const = default;
};
/// Undone by SimulatedNetwork::heal() of that link.
struct CutProcess {
  std::string process;
  int node = 0;  ///< 0: from all.
  Direction direction = Direction::both;
  bool operator==(const CutProcess&) const = default;
};
/// All links are like this. Undone by the links that SimulationOptions has by default.
struct BadLinks {
  Duration latency_most = {};
  double request_loss = 0;
  double answer_loss = 0;
  double duplication = 0;
  bool operator==(const BadLinks&) const = default;
};

/// The node crashes and loses its log. Undone by its restart from a snapshot, without the events of the past.
struct CrashToSnapshot {
  fake::NodeId node = 0;
  bool operator==(const CrashToSnapshot&) const = default;
};

/// The node crashes. Undone by its restart, after which it stays `behind` the others for a while.
struct CrashToLateRestart {
  fake::NodeId node = 0;
  Duration behind = {};
  bool operator==(const CrashToLateRestart&) const = default;
};

/// A fake::Fault is undone by the one that fault.h names beside it.
using Disturbance =
    std::variant<PauseProcess, CrashProcess, CutProcess, BadLinks, CrashToSnapshot, CrashToLateRestart, fake::Fault>;

struct Episode {
  Duration at = {};     ///< Since the start of the run.
  Duration lasts = {};  ///< Then it is undone. What cannot be undone (a key that expired) just happens.
  Disturbance what;
  bool operator==(const Episode&) const = default;
};

struct DEIMOS_EXPORT FaultPlan {
  std::vector<Episode> episodes;

  /// When the last of it is over.
  [[nodiscard]] Duration over() const;
  /// Whether it may end leases that the store promised to keep: by force, or by clocks that are further apart than
  /// `max_skew`. Then a lock does not exclude, and only the fencing tokens help.
  [[nodiscard]] bool breaks_leases(Duration max_skew) const;
  /// Whether clients may be told what is not so, indexes among it. Then not even fencing tokens can be relied on.
  [[nodiscard]] bool forges_answers() const;
  /// Whether nodes may act on a write twice, or long after its sender has given it up.
  [[nodiscard]] bool repeats_writes() const;
  /// A `FaultPlan{…}` that gives the same plan again, a line for each episode.
  [[nodiscard]] std::string as_code() const;
  bool operator==(const FaultPlan&) const = default;
};

/// What may be drawn.
struct PlanLimits {
  int nodes = 3;
  std::vector<std::string> processes = {};
  Duration length = std::chrono::seconds(40);  ///< No episode begins later.
  int most_episodes = 12;
  Duration shortest = std::chrono::milliseconds(200);
  Duration longest = std::chrono::seconds(15);
  Duration max_skew = std::chrono::milliseconds(500);  ///< Nodes' clocks stay this close.
  std::string keys = "/locks/**";                      ///< Which keys rules are for.
  bool cluster = true;                                 ///< Faults of nodes, and rules.
  bool crashes = true;                                 ///< Of processes.
  bool late_requests = true;                           ///< Requests that are acted on long after they were sent.
  bool broken_leases = false;                          ///< See FaultPlan::breaks_leases().
  bool forged_answers = false;                         ///< See FaultPlan::forges_answers().
};

/// First draws which kinds of fault there are at all, then how often each: so that runs differ in kind, and some have
/// much of one.
[[nodiscard]] DEIMOS_EXPORT FaultPlan random_plan(std::uint64_t seed, const PlanLimits& limits);
/// One of a kind that `draw` chooses among those that `mask` allows, a bit for each.
[[nodiscard]] DEIMOS_EXPORT Disturbance random_disturbance(std::uint64_t mask, std::uint64_t draw,
                                                           const PlanLimits& limits);

/// Plans everything with Simulation::at(), from now on. `recorder` is told of pauses, and notes everything.
DEIMOS_EXPORT void apply(const FaultPlan& plan, Simulation& simulation, LockRecorder* recorder = nullptr);

/// The fault that undoes `fault`; nothing if none does.
[[nodiscard]] DEIMOS_EXPORT std::vector<fake::Fault> undoing(const fake::Fault& fault);
/// `CrashProcess{"p1"}`, as C++ reads it.
[[nodiscard]] DEIMOS_EXPORT std::string disturbance_as_code(const Disturbance& what);
/// `1500ms`, as C++ reads it.
[[nodiscard]] DEIMOS_EXPORT std::string duration_as_code(Duration duration);

}  // namespace deimos::testkit

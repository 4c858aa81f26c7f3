// A fault plan: the faults of one run as a value. Drawn from a seed, shrunk, printed as C++ code, and applied to a
// Simulation.
//
//     const FaultPlan plan = random_plan(seed, {.nodes = 3, .processes = {"one", "two"}});
//     apply(plan, simulation, &recorder);
//     std::cout << plan.as_code();          // FaultPlan{{ {1500ms, 4s, fake::Isolate{2}}, … }}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <deimos/fake/fault.h>
#include <deimos/internal/export.h>
#include <deimos/runtime.h>
#include <deimos/testkit/disk.h>
#include <deimos/testkit/lock_recorder.h>
#include <deimos/testkit/network.h>

namespace deimos::testkit {

class Simulation;

/// Pauses the process, as a long garbage collection would.
struct PauseProcess {
  std::string process;
  bool operator==(const PauseProcess&) const = default;
};
/// Crashes the process; undone by its restart.
struct CrashProcess {
  std::string process;
  std::optional<UnsyncedLoss> loss = {};  ///< Of its disk, in this crash and later ones. Not given: as it is.
  bool operator==(const CrashProcess&) const = default;
};
/// Cuts the process off from nodes; undone by SimulatedNetwork::heal() of those links.
struct CutProcess {
  std::string process;
  int node = 0;  ///< 0: from all.
  Direction direction = Direction::both;
  bool operator==(const CutProcess&) const = default;
};
/// Cuts two processes off from each other; undone by SimulatedNetwork::heal() of their link.
struct CutProcesses {
  std::string process;
  std::string other;
  Direction direction = Direction::both;
  bool operator==(const CutProcesses&) const = default;
};
/// Sets the process's wall clock forward or back; undone by the same step the other way.
struct StepWallClock {
  std::string process;
  Duration by = {};
  bool operator==(const StepWallClock&) const = default;
};
/// Undone by DiskFault::none.
struct BreakDisk {
  std::string process;
  DiskFault fault = DiskFault::failing;
  bool operator==(const BreakDisk&) const = default;
};
/// Applies to all links; undone by the default links of SimulationOptions.
struct BadLinks {
  Duration latency_most = {};
  double request_loss = 0;
  double answer_loss = 0;
  double duplication = 0;
  bool operator==(const BadLinks&) const = default;
};

/// Crashes the node, which loses its log; undone by a restart from a snapshot, without past events.
struct CrashToSnapshot {
  fake::NodeId node = 0;
  bool operator==(const CrashToSnapshot&) const = default;
};

/// Crashes the node; undone by a restart after which it stays `behind` the others for a while.
struct CrashToLateRestart {
  fake::NodeId node = 0;
  Duration behind = {};
  bool operator==(const CrashToLateRestart&) const = default;
};

/// fault.h names for each fake::Fault the one that undoes it.
using Disturbance = std::variant<PauseProcess, CrashProcess, CutProcess, CutProcesses, StepWallClock, BreakDisk,
                                 BadLinks, CrashToSnapshot, CrashToLateRestart, fake::Fault>;

struct Episode {
  Duration at = {};     ///< Since the start of the run.
  Duration lasts = {};  ///< Then it is undone, if it can be (an expired key cannot).
  Disturbance what;
  bool operator==(const Episode&) const = default;
};

struct DEIMOS_EXPORT FaultPlan {
  std::vector<Episode> episodes;

  /// When the last episode ends.
  [[nodiscard]] Duration over() const;
  /// Whether it may end leases early: by force, or by clocks further apart than `max_skew`. Then locks do not exclude,
  /// and only fencing tokens protect.
  [[nodiscard]] bool breaks_leases(Duration max_skew) const;
  /// Whether faults may forge answers, indexes included. Then not even fencing tokens protect.
  [[nodiscard]] bool forges_answers() const;
  /// Whether nodes may apply a write twice, or long after its sender gave up.
  [[nodiscard]] bool repeats_writes() const;
  /// C++ code (`FaultPlan{…}`) for the same plan, one line per episode.
  [[nodiscard]] std::string as_code() const;
  bool operator==(const FaultPlan&) const = default;
};

/// Limits of a drawn plan.
struct PlanLimits {
  int nodes = 3;
  std::vector<std::string> processes = {};
  Duration length = std::chrono::seconds(40);  ///< No episode begins later.
  int most_episodes = 12;
  Duration shortest = std::chrono::milliseconds(200);
  Duration longest = std::chrono::seconds(15);
  Duration max_skew = std::chrono::milliseconds(500);  ///< Largest difference between nodes' clocks.
  std::string keys = "/locks/**";                      ///< Key pattern of drawn rules.
  bool cluster = true;                                 ///< Faults of nodes, and rules.
  bool crashes = true;                                 ///< Of processes.
  bool calls = false;                                  ///< Cuts between processes, which call each other.
  bool disks = false;                                  ///< Full and failing disks, and what a crash takes of them.
  Duration wall_clock_step = {};                       ///< The largest step of a process's wall clock; 0: none.
  bool late_requests = true;                           ///< Requests applied long after they were sent.
  bool broken_leases = false;                          ///< See FaultPlan::breaks_leases().
  bool forged_answers = false;                         ///< See FaultPlan::forges_answers().
};

/// Swarm testing: first draws which kinds of fault occur at all, then how often each, so that runs differ in kind.
[[nodiscard]] DEIMOS_EXPORT FaultPlan random_plan(std::uint64_t seed, const PlanLimits& limits);
/// A disturbance of a kind that `draw` selects among those whose bit is set in `mask`.
[[nodiscard]] DEIMOS_EXPORT Disturbance random_disturbance(std::uint64_t mask, std::uint64_t draw,
                                                           const PlanLimits& limits);

/// Schedules all episodes with Simulation::at(), starting now. `recorder` is told of pauses and notes each episode.
DEIMOS_EXPORT void apply(const FaultPlan& plan, Simulation& simulation, LockRecorder* recorder = nullptr);

/// The fault that undoes `fault`; nothing if none does.
[[nodiscard]] DEIMOS_EXPORT std::vector<fake::Fault> undoing(const fake::Fault& fault);
/// The kind by name: `pause process`, `isolate`, …; a rule by its action, `rule drop_answer`.
[[nodiscard]] DEIMOS_EXPORT std::string kind_of(const Disturbance& what);
/// Every name that kind_of() has.
[[nodiscard]] DEIMOS_EXPORT const std::vector<std::string>& kinds_of_faults();
/// C++ code for `what`, such as `CrashProcess{"p1"}`.
[[nodiscard]] DEIMOS_EXPORT std::string disturbance_as_code(const Disturbance& what);

}  // namespace deimos::testkit

// Processes, a network and a fake cluster in one OS thread under virtual time, all decided by one seed.
//
//     Simulation simulation({.seed = 42});
//     simulation.spawn("worker", [](Process& process) {
//       process.client().set("/jobs/1", "done").value();
//       process.sleep(5s);
//     });
//     simulation.at(2s, [&] { simulation.network().cut("worker", 1); });
//     simulation.run();
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/fake/cluster.h>
#include <deimos/internal/export.h>
#include <deimos/testkit/history.h>
#include <deimos/testkit/network.h>
#include <deimos/testkit/process.h>
#include <deimos/testkit/process_event.h>
#include <deimos/testkit/random.h>
#include <deimos/testkit/scheduler.h>

namespace deimos::testkit {

struct SimulationOptions {
  std::uint64_t seed = 1;
  int nodes = 1;
  LinkOptions links = {};
  /// Further options of the cluster; nodes, seed, members and clock are filled in.
  fake::ClusterOptions cluster = {};
  /// Its policy gets this seed, too.
  SchedulerOptions scheduler = {};
  /// The command that reports print for a replay. Empty: made from the seed and the program's name.
  std::string replay_command = {};
};

/// Everything throws std::invalid_argument for a process or node that does not exist, a negative duration and the like,
/// and then changes nothing. Runs throw SimulationFailure, with a report that ends with the seed and how to replay it;
/// by then every process has been ended, and the simulation is over.
/// Used by one OS thread.
class DEIMOS_EXPORT Simulation {
 public:
  explicit Simulation(SimulationOptions options = {});
  /// Crashes what still runs.
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  /// Starts a process that runs `body`, now or with the next run. Names are unique.
  void spawn(const std::string& name, std::function<void(Process&)> body, ProcessOptions options = {});
  /// Calls `action` at that time after the start, in a task of its own (it may wait).
  void at(Duration since_start, std::function<void()> action);
  /// When the actions given to at() are, also those that are over: in the order of the calls.
  [[nodiscard]] const std::vector<Duration>& instants() const noexcept;

  /// Until every process has ended, or only stands by (Process::stand_by()).
  void run();
  void run_for(Duration duration);
  /// Runs until `predicate` holds (asked after each step) and returns true, or for `limit` and returns what it then
  /// says.
  bool run_until(const std::function<bool()>& predicate, Duration limit = std::chrono::hours(24));

  /// True time, by no process's clock.
  [[nodiscard]] TimePoint now() const noexcept;
  [[nodiscard]] Duration elapsed() const noexcept;

  /// The whole process stands still, as in a long garbage collection, while its clock goes on.
  void pause(std::string_view process, Duration duration);
  /// Ends the process at once, without warning, and its disk loses what was not synced: see Process. It may be
  /// restarted.
  void crash(std::string_view process);
  /// Runs the process's body again from the start, as a new life; crashes it first if it still runs.
  void restart(std::string_view process);
  [[nodiscard]] bool running(std::string_view process) const;
  /// Sets the rate of the process's clock from now on.
  void set_clock_rate(std::string_view process, double rate);
  /// What Process::wall_time() reads; to be set here.
  [[nodiscard]] WallClock& wall_clock(std::string_view process);
  /// To look into, and to break.
  [[nodiscard]] Disk& disk(std::string_view process);

  /// Calls `hook` for each crash() of a process that runs (restart() may be one), in the order in which hooks were
  /// added: at once, after the disk has lost what it loses and before any task runs. The process takes no step any
  /// more. A hook belongs to no task, so it must not wait; it may do more to processes. What a hook refers to must
  /// outlive the last run; processes that the end of the simulation ends have not crashed.
  void on_crash(ProcessHook hook);
  /// For each pause(), also one that lengthens another. The process takes no step until on_resume().
  void on_pause(ProcessHook hook);
  /// Before the first step after a pause. The process does not know yet what it missed: what it believes counts again
  /// when it has taken a step. None for a process that crashes in its pause.
  void on_resume(ProcessHook hook);
  /// Before the first step of the new life.
  void on_restart(ProcessHook hook);

  [[nodiscard]] SimulatedNetwork& network() noexcept;
  /// Its nodes listen at `http://node1:4001`, … Faults between them, their clocks and single requests are its own.
  [[nodiscard]] fake::Cluster& cluster() noexcept;
  /// From 1.
  [[nodiscard]] fake::Node& node(int number = 1);
  /// For the test itself: its client reaches the nodes at once, whatever the network does.
  [[nodiscard]] Process& observer() noexcept;

  [[nodiscard]] std::uint64_t seed() const noexcept;
  /// A stream of its own for each concern.
  [[nodiscard]] RandomStream random(std::string_view concern) const noexcept;
  [[nodiscard]] Scheduler& scheduler() noexcept;
  [[nodiscard]] const History& history() const noexcept;
  [[nodiscard]] std::uint64_t history_hash() const noexcept { return history().hash(); }
  /// Puts a line into the history.
  void note(std::string_view text);
  /// `DEIMOS_SEED=42 ./program …`
  [[nodiscard]] std::string replay_command() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace deimos::testkit

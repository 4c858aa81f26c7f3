// Runs tasks as fibers of one OS thread under virtual time: the clock jumps to the next timer when no task can run.
//
// Whoever calls run() (or waits outside of every task) drives: its own stack runs the loop until what it waits for has
// come. Ties are broken by order of arming and waking, or by a seed (SchedulingPolicy), so the same program does the
// same every time.
//
// What this asks of code that runs in tasks: it waits through the Runtime only, holds no mutex across a wait, and keeps
// nothing in thread_local variables (all tasks share them).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include <deimos/internal/export.h>
#include <deimos/runtime.h>
#include <deimos/testkit/failure.h>
#include <deimos/testkit/history.h>
#include <deimos/testkit/scheduling_policy.h>
#include <deimos/testkit/timer.h>

namespace deimos::testkit {

/// Something a task waits for, as a deadlock report names it.
class DEIMOS_EXPORT WaitTarget {
 public:
  virtual ~WaitTarget() = default;
  [[nodiscard]] virtual std::string describe() const = 0;
};

struct SchedulerOptions {
  std::size_t stack_size = 256 * 1024;  ///< Of each task, in bytes.
  /// The longest that whoever drives waits without a deadline (as run() does), in virtual time.
  Duration time_limit = std::chrono::hours(24);
  std::uint64_t steps_per_instant = 1'000'000;   ///< More without time going on is a livelock.
  Duration stuck_after = std::chrono::hours(1);  ///< See Scheduler::run().
  std::size_t history_capacity = 2000;           ///< Events kept; 0: all.
  SchedulingPolicy policy = {};                  ///< Which goes first of what happens at the same instant.
  /// The longest that a task (or a timer's action) may run without a wait, in real time; 0: for ever. One that takes
  /// longer is reported at once, see `on_blocked`. If it was blocked for so long (in a read() from a real socket, on a
  /// real mutex, in std::this_thread::sleep_for()), the run fails when it comes back; nobody can make it, so the
  /// program is ended by std::abort() when it still has not after ten times the limit. One that computes is only
  /// reported (it may be slow because of a sanitizer), until after sixty times the limit the program is ended likewise.
  /// While a debugger has stopped the program, the limit does not run. On other systems than Linux, nobody can tell
  /// whether a task computes: each is taken to.
  Duration block_limit = std::chrono::seconds(1);
  /// Gets the report of a task that took longer. Called by another thread, while the task goes on: it must not throw,
  /// wait, or use the scheduler. Not given: it goes to standard error.
  std::function<void(const std::string& report)> on_blocked = {};
};

/// A task as the scheduler knows it.
class Fiber;

/// Tasks that are paused and killed together: those of one simulated process. Owned by the scheduler.
class TaskGroup;

/// Used by one OS thread at a time: while it runs the simulation, waits and new tasks of another throw
/// std::logic_error.
class DEIMOS_EXPORT Scheduler {
 public:
  /// The first instant. Not zero, so that an uninitialised TimePoint is no valid instant.
  static constexpr TimePoint start{std::chrono::hours(1000)};

  /// Throws std::invalid_argument for a negative limit.
  explicit Scheduler(SchedulerOptions options = {});
  /// Kills what still runs.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  [[nodiscard]] TimePoint now() const noexcept;
  [[nodiscard]] Duration elapsed() const noexcept { return now() - start; }
  [[nodiscard]] History& history() noexcept;
  [[nodiscard]] const History& history() const noexcept;
  /// Tasks resumed so far.
  [[nodiscard]] std::uint64_t steps() const noexcept;

  /// The group of tasks that belong to no process.
  [[nodiscard]] TaskGroup& default_group() noexcept;
  [[nodiscard]] TaskGroup& add_group(std::string name);
  [[nodiscard]] const std::string& name(const TaskGroup& group) const noexcept;

  /// Whether run() waits for a task, and whether its waits without a deadline may mean a deadlock.
  enum class Role { foreground, background };
  /// The task begins at the next wait of the caller. Its group was killed: it has ended already. `last` is called when
  /// the body has ended in whatever way; it must not throw.
  std::shared_ptr<Fiber> spawn(TaskGroup& group, std::string name, Role role, std::function<void(std::stop_token)> body,
                               std::function<void()> last = {});
  /// Waits for the end of `fiber`, also in a task that was killed.
  void join(const std::shared_ptr<Fiber>& fiber);
  void request_stop(Fiber& fiber) noexcept;
  /// The running task becomes a background task. Throws std::logic_error if none runs.
  void into_background();
  /// Calls `action` as if a timer fired: it belongs to no task, so it must not wait.
  void act(const std::function<void()>& action);

  /// The running task; the driver has a Fiber too. Null while a timer fires.
  [[nodiscard]] Fiber* current() const noexcept;
  [[nodiscard]] TaskId current_id() const noexcept;
  [[nodiscard]] const std::string& current_name() const noexcept;
  /// `-` outside of every process.
  [[nodiscard]] const std::string& name_of_current_group() const noexcept;

  /// Blocks the running task until wake() or `deadline` (true time); true if it was woken. A deadline that is over lets
  /// the other tasks run once. In a task that was killed, see kill().
  bool park(TimePoint deadline, const WaitTarget& target);
  /// Blocks the running task until `instant` (true time).
  void sleep_until(TimePoint instant);
  /// Makes a parked task run; others are left alone.
  void wake(Fiber& fiber) noexcept;

  /// Throws std::logic_error in a thread that is not the one that runs the simulation right now; `call` is for its
  /// message.
  void check_thread(const char* call) const;
  /// Wakes every parked task of `group`, to look again at what it waits for.
  void wake_all(TaskGroup& group) noexcept;

  /// Fires `timer` at `due`, or at once if that is over; never, if it is TimePoint::max(). A timer that is armed
  /// already is moved.
  void arm(Timer& timer, TimePoint due);
  void disarm(Timer& timer) noexcept;

  /// The group's tasks stand still, while time goes on.
  void pause(TaskGroup& group) noexcept;
  void resume(TaskGroup& group) noexcept;
  [[nodiscard]] bool paused(const TaskGroup& group) const noexcept;

  /// Ends the tasks of `group` as if their machine had lost its power, but for their destructors, which run. Each task
  /// is asked to stop, and unwound by a private exception that throw_if_killed() throws: at its next call of Process or
  /// Client, or in a wait that has no deadline. Any other wait returns at once, as if its deadline had come, so code
  /// that must not throw (unlock(), destructors) comes to its end. What the task throws by itself is ignored.
  ///
  /// A task that waits a thousand times more without ending, or whose unwinding meets a function that is noexcept, is
  /// abandoned: it never runs again and its stack is kept, so nothing on it is destroyed. abandoned_tasks() counts
  /// them, the history names them.
  void kill(TaskGroup& group);
  [[nodiscard]] bool killed(const TaskGroup& group) const noexcept;
  /// How many foreground tasks have not ended.
  [[nodiscard]] std::size_t foreground_tasks() const noexcept;
  /// Whether the running task belongs to a group that was killed.
  [[nodiscard]] bool current_killed() const noexcept;
  /// How many killed tasks were abandoned.
  [[nodiscard]] std::size_t abandoned_tasks() const noexcept;
  /// In a task that was killed: throws the exception that unwinds it, unless another is on its way already.
  void throw_if_killed() const;
  /// The time as a killed task sees it: beyond every deadline from before, and far enough from TimePoint::max() to add
  /// to it.
  [[nodiscard]] TimePoint killed_now() const noexcept;

  /// Runs until every foreground task has ended. Throws SimulationFailure: a deadlock is also reported when every
  /// foreground task has waited without a deadline for `stuck_after`, whatever goes on in the background.
  void run();
  /// Runs everything that happens until `instant`, inclusive.
  void run_until(TimePoint instant);
  /// Runs until `predicate` holds (asked after each step) and returns true, or until `limit` and returns what it then
  /// says.
  bool run_until(TimePoint limit, const std::function<bool()>& predicate);

  /// Kills every group and runs what is left of its tasks. Done by the destructor, if not before.
  void shut_down();

  /// A table of all tasks: what each waits for, since when, until when.
  [[nodiscard]] std::string describe_tasks() const;

 private:
  friend class Fiber;
  struct State;
  void wake_by_timer(Fiber& fiber) noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace deimos::testkit

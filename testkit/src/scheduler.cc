#include <deimos/testkit/scheduler.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

#include <deimos/error.h>

#include "fiber.h"
#include "task_table.h"
#include "timer_heap.h"
#include "unwind_probe.h"

namespace deimos::testkit {
namespace {

/// Ends a task that was killed. Not a std::exception, so that no handler of errors takes it for one.
struct KilledByScheduler {};

/// The scheduler that runs a killed task right now, for whom it calls std::terminate().
thread_local void (*terminate_before)() = nullptr;
thread_local Scheduler* runs_killed_task = nullptr;

/// The frame below all of a task's own.
[[gnu::noinline]] void call_body(void* argument) {
  const Fiber& fiber = *static_cast<const Fiber*>(argument);
  fiber.body(fiber.stop.get_token());
  asm volatile("");  // No tail call: this frame must be there.
}

constexpr unsigned waits_granted_after_kill = 1000;
constexpr std::uint64_t steps_of_shut_down = 100'000'000;
constexpr Duration killed_time_ahead = std::chrono::hours(24 * 365 * 100);

std::string describe(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const tl::bad_expected_access<Error>& error) {
    return error.error().describe();
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception that is not a std::exception";
  }
}

class EndOfTask final : public WaitTarget {
 public:
  explicit EndOfTask(const std::string& name) : name_(name) {}
  [[nodiscard]] std::string describe() const override { return "end of task " + name_; }

 private:
  const std::string& name_;
};

class Sleeping final : public WaitTarget {
 public:
  [[nodiscard]] std::string describe() const override { return "time"; }
};

class Driving final : public WaitTarget {
 public:
  [[nodiscard]] std::string describe() const override { return "runs the simulation"; }
};

}  // namespace

struct Scheduler::State {
  State(Scheduler& owner, SchedulerOptions its_options)
      : scheduler(owner),
        options(its_options),
        history(its_options.history_capacity),
        default_group("-"),
        stacks(its_options.stack_size),
        driver(owner, default_group, 1, "main", true) {
    driver.state = Fiber::State::running;
  }

  Scheduler& scheduler;
  SchedulerOptions options;
  History history;
  TimePoint now = start;

  TaskGroup default_group;
  std::vector<std::unique_ptr<TaskGroup>> groups;
  FiberStackPool stacks;
  std::vector<FiberStack> abandoned_stacks;
  Fiber driver;
  std::map<TaskId, std::shared_ptr<Fiber>> fibers;  // Not ended; without the driver.
  TaskId last_id = 1;
  std::size_t foreground_running = 0;
  Fiber* current = &driver;

  FiberQueue runnable;
  TimerHeap timers;
  std::uint64_t last_sequence = 0;

  std::uint64_t steps = 0;
  std::uint64_t steps_at_instant = 0;
  TimePoint foreground_ran = start;
  bool run_ends_with_foreground = false;
  const std::function<bool()>* predicate = nullptr;  // Ends driving when it holds.
  std::exception_ptr escaped;
  std::string escaped_from;

  static void body_of(void* fiber);
  static void abandon_instead_of_terminating();
  void run_last(Fiber& fiber);
  void go_on_elsewhere(Fiber& fiber);
  void end(Fiber& fiber);
  void make_runnable(Fiber& fiber) noexcept;
  void suspend(Fiber& fiber);
  void live_on_killed(Fiber& fiber, TimePoint deadline);
  bool wait(Fiber& fiber, TimePoint deadline, const WaitTarget& target);

  void check_driver() const;
  void drive();
  void step();
  void count_step(std::string_view next);
  void next_instant();
  void stop_driving() noexcept;
  [[nodiscard]] bool only_background_goes_on() const noexcept;
  [[noreturn]] void fail(SimulationFailure::Kind kind, const std::string& reason);
  void rethrow_escaped();
};

void Fiber::fire() { scheduler.wake_by_timer(*this); }

Scheduler::Scheduler(SchedulerOptions options) : state_(std::make_unique<State>(*this, options)) {}

Scheduler::~Scheduler() { shut_down(); }

void Scheduler::shut_down() {
  kill(state_->default_group);
  for (const auto& group : state_->groups) kill(*group);
  state_->current = nullptr;
  state_->steps_at_instant = 0;
  state_->options.steps_per_instant = steps_of_shut_down;
  while (state_->runnable.first() != nullptr) state_->step();
  state_->current = &state_->driver;
}

TimePoint Scheduler::now() const noexcept { return state_->now; }
History& Scheduler::history() noexcept { return state_->history; }
const History& Scheduler::history() const noexcept { return state_->history; }
std::uint64_t Scheduler::steps() const noexcept { return state_->steps; }
TaskGroup& Scheduler::default_group() noexcept { return state_->default_group; }

TaskGroup& Scheduler::add_group(std::string name) {
  return *state_->groups.emplace_back(std::make_unique<TaskGroup>(std::move(name)));
}

const std::string& Scheduler::name(const TaskGroup& group) const noexcept { return group.name; }

// Tasks.

std::shared_ptr<Fiber> Scheduler::spawn(TaskGroup& group, std::string name, Role role,
                                        std::function<void(std::stop_token)> body, std::function<void()> last) {
  auto fiber = std::make_shared<Fiber>(*this, group, ++state_->last_id, std::move(name), role == Role::foreground);
  if (group.killed) {
    fiber->state = Fiber::State::ended;
    return fiber;
  }
  fiber->body = std::move(body);
  fiber->last = std::move(last);
  fiber->stack.emplace(state_->stacks.take());
  fiber->context.prepare(*fiber->stack, &State::body_of, fiber.get());
  fiber->waits_since = state_->now;
  state_->fibers.emplace(fiber->id, fiber);
  state_->foreground_running += fiber->foreground ? 1 : 0;
  state_->history.record(elapsed(), "spawn", group.name, fiber->name);
  state_->make_runnable(*fiber);
  return fiber;
}

void Scheduler::State::body_of(void* argument) {
  Fiber& fiber = *static_cast<Fiber*>(argument);
  State& state = *fiber.scheduler.state_;
  try {
    if (!fiber.group.killed && !fiber.abandoned) call_body(&fiber);
  } catch (const KilledByScheduler&) {
    // That was its purpose.
  } catch (...) {
    if (!fiber.group.killed && !state.escaped) {
      state.escaped = std::current_exception();
      state.escaped_from = fiber.name;
    }
  }
  state.run_last(fiber);
  state.end(fiber);
  fiber.context.finish(state.driver.context);
}

void Scheduler::State::run_last(Fiber& fiber) {
  try {
    if (const auto last = std::exchange(fiber.last, nullptr)) last();
    fiber.body = nullptr;  // What it captured may wait in destructors: here is the last place where it can.
  } catch (const KilledByScheduler&) {
    // It had its chance.
  }
}

/// Where code that must not throw was thrown through after all, because the compiler left no trace of that: this stack
/// is left for good.
void Scheduler::State::abandon_instead_of_terminating() {
  if (runs_killed_task == nullptr) terminate_before();
  State& state = *runs_killed_task->state_;
  Fiber& fiber = *state.current;
  fiber.abandoned = true;
  fiber.context.switch_to(state.driver.context);
  std::abort();
}

/// Gives a task whose stack was abandoned another one, for what it has to do last.
void Scheduler::State::go_on_elsewhere(Fiber& fiber) {
  abandoned_stacks.push_back(std::move(*fiber.stack));
  fiber.stack.emplace(stacks.take());
  fiber.context.prepare(*fiber.stack, &State::body_of, &fiber);
  make_runnable(fiber);
}

void Scheduler::State::end(Fiber& fiber) {
  history.record(scheduler.elapsed(), "end", fiber.group.name, fiber.name);
  fiber.state = Fiber::State::ended;
  for (Fiber* const other : fiber.joining) scheduler.wake(*other);
  if (!fiber.foreground) return;
  if (--foreground_running == 0 && run_ends_with_foreground) scheduler.wake(driver);
}

void Scheduler::join(const std::shared_ptr<Fiber>& fiber) {
  State& state = *state_;
  if (state.current == nullptr) throw std::logic_error("a timer's action must not wait: spawn a task for it");
  Fiber& self = *state.current;
  const EndOfTask target(fiber->name);
  while (fiber->state != Fiber::State::ended) {
    fiber->joining.push_back(&self);
    state.wait(self, TimePoint::max(), target);
    std::erase(fiber->joining, &self);
  }
}

void Scheduler::request_stop(Fiber& fiber) noexcept { fiber.stop.request_stop(); }
Fiber* Scheduler::current() const noexcept { return state_->current; }
TaskId Scheduler::current_id() const noexcept { return state_->current == nullptr ? 1 : state_->current->id; }
const std::string& Scheduler::current_name() const noexcept {
  return state_->current == nullptr ? state_->driver.name : state_->current->name;
}

// Waiting.

bool Scheduler::park(TimePoint deadline, const WaitTarget& target) {
  State& state = *state_;
  if (state.current == nullptr) throw std::logic_error("a timer's action must not wait: spawn a task for it");
  Fiber& self = *state.current;
  if (!self.group.killed) {
    const bool woken = state.wait(self, deadline, target);
    if (!self.group.killed) return woken;
  }
  state.live_on_killed(self, deadline);
  return false;
}

void Scheduler::sleep_until(TimePoint instant) {
  const Sleeping target;
  do {
    park(instant, target);
  } while (now() < instant && !current_killed());
}

bool Scheduler::State::wait(Fiber& fiber, TimePoint deadline, const WaitTarget& target) {
  fiber.woken = false;
  fiber.waits_for = &target;
  fiber.waits_since = now;
  fiber.waits_until = deadline;
  if (deadline <= now) {
    make_runnable(fiber);
  } else {
    fiber.state = Fiber::State::parked;
    // The driver goes last at its instant: run_until() includes everything that happens then.
    const bool last = &fiber == &driver;
    if (deadline != TimePoint::max()) timers.insert(fiber, deadline, last ? UINT64_MAX : ++last_sequence);
  }
  suspend(fiber);
  fiber.waits_for = nullptr;
  return fiber.woken;
}

void Scheduler::State::suspend(Fiber& fiber) {
  if (&fiber != &driver) return fiber.context.switch_to(driver.context);
  current = nullptr;
  try {
    drive();
  } catch (...) {
    stop_driving();
    throw;
  }
  stop_driving();
}

void Scheduler::State::live_on_killed(Fiber& fiber, TimePoint deadline) {
  if (&fiber == &driver) return;
  if (fiber.waits_after_kill++ == 0) fiber.stop.request_stop();
  if (deadline != TimePoint::max()) fiber.group.killed_now = std::max(fiber.group.killed_now, deadline);
  const bool enough = fiber.waits_after_kill > waits_granted_after_kill;
  if (enough || exception_would_reach(&call_body)) scheduler.throw_if_killed();
  // The others that were killed have to come to their ends too.
  make_runnable(fiber);
  suspend(fiber);
}

void Scheduler::wake(Fiber& fiber) noexcept {
  if (fiber.state != Fiber::State::parked) return;
  fiber.woken = true;
  disarm(fiber);
  state_->make_runnable(fiber);
}

void Scheduler::wake_by_timer(Fiber& fiber) noexcept { state_->make_runnable(fiber); }

void Scheduler::State::make_runnable(Fiber& fiber) noexcept {
  fiber.state = Fiber::State::runnable;
  (fiber.group.paused ? fiber.group.held_back : runnable).push(fiber);
}

void Scheduler::arm(Timer& timer, TimePoint due) {
  disarm(timer);
  if (due != TimePoint::max()) state_->timers.insert(timer, std::max(due, state_->now), ++state_->last_sequence);
}

void Scheduler::disarm(Timer& timer) noexcept {
  if (timer.armed()) state_->timers.remove(timer);
}

// Groups.

void Scheduler::pause(TaskGroup& group) noexcept {
  if (!group.killed) group.paused = true;
}

void Scheduler::resume(TaskGroup& group) noexcept {
  group.paused = false;
  state_->runnable.append(group.held_back);
}

bool Scheduler::paused(const TaskGroup& group) const noexcept { return group.paused; }

void Scheduler::kill(TaskGroup& group) {
  if (group.killed) return;
  group.killed = true;
  group.killed_now = TimePoint::max() - killed_time_ahead;
  resume(group);
  for (const auto& [id, fiber] : state_->fibers) {
    if (&fiber->group == &group) wake(*fiber);
  }
}

bool Scheduler::killed(const TaskGroup& group) const noexcept { return group.killed; }

bool Scheduler::current_killed() const noexcept { return state_->current != nullptr && state_->current->group.killed; }

void Scheduler::throw_if_killed() const {
  if (current_killed() && std::uncaught_exceptions() == 0) throw KilledByScheduler{};
}

TimePoint Scheduler::killed_now() const noexcept { return state_->current->group.killed_now; }

void Scheduler::wake_all(TaskGroup& group) noexcept {
  for (const auto& [id, fiber] : state_->fibers) {
    if (&fiber->group == &group) wake(*fiber);
  }
}

// Driving.

void Scheduler::State::check_driver() const {
  if (current != &driver) throw std::logic_error("a task of the simulation cannot run the simulation");
  if (default_group.killed) throw std::logic_error("the simulation is over");
}

void Scheduler::run() {
  State& state = *state_;
  state.check_driver();
  state.rethrow_escaped();
  state.foreground_ran = state.now;
  state.run_ends_with_foreground = true;
  try {
    while (state.foreground_running > 0) park(TimePoint::max(), Driving());
  } catch (...) {
    state.run_ends_with_foreground = false;
    throw;
  }
  state.run_ends_with_foreground = false;
}

void Scheduler::run_until(TimePoint instant) {
  state_->check_driver();
  while (now() < instant) park(instant, Driving());
}

bool Scheduler::run_until(TimePoint limit, const std::function<bool()>& predicate) {
  State& state = *state_;
  state.check_driver();
  while (!predicate() && state.now < limit) {
    state.predicate = &predicate;
    try {
      park(limit, Driving());
    } catch (...) {
      state.predicate = nullptr;
      throw;
    }
    state.predicate = nullptr;
  }
  return predicate();
}

void Scheduler::State::drive() {
  foreground_ran = std::max(foreground_ran, driver.waits_since);
  for (;;) {
    if (Fiber* const fiber = runnable.first()) {
      if (fiber == &driver) return;
      step();
      rethrow_escaped();
    } else if (!timers.empty()) {
      if (timers.first_due() > now) next_instant();
      count_step("a timer");
      timers.pop().fire();
    } else {
      fail(SimulationFailure::Kind::deadlock, "deadlock: no task can run and no timer is set");
    }
    if (predicate != nullptr && (*predicate)()) return;
  }
}

/// Runs the first task that can until its next wait.
void Scheduler::State::step() {
  count_step(runnable.first()->name);
  Fiber& fiber = *runnable.pop();
  if (fiber.group.paused) return fiber.group.held_back.push(fiber);
  ++steps;
  history.absorb(fiber.id ^ static_cast<std::uint64_t>(now.time_since_epoch().count()) << 20);
  if (fiber.foreground) foreground_ran = now;
  fiber.state = Fiber::State::running;
  current = &fiber;
  if (fiber.group.killed) {
    terminate_before = std::set_terminate(&State::abandon_instead_of_terminating);
    runs_killed_task = &scheduler;
  }
  driver.context.switch_to(fiber.context);
  if (std::exchange(runs_killed_task, nullptr) != nullptr) std::set_terminate(terminate_before);
  current = nullptr;
  if (fiber.abandoned && fiber.state == Fiber::State::running) return go_on_elsewhere(fiber);
  if (fiber.state != Fiber::State::ended) return;
  stacks.give_back(std::move(*fiber.stack));
  fiber.stack.reset();
  fibers.erase(fiber.id);
}

void Scheduler::State::count_step(std::string_view next) {
  if (++steps_at_instant <= options.steps_per_instant) return;
  fail(SimulationFailure::Kind::livelock, "livelock: " + std::to_string(steps_at_instant) +
                                              " steps and time stood still; the next would be " + std::string(next));
}

void Scheduler::State::next_instant() {
  now = timers.first_due();
  steps_at_instant = 0;
  if (driver.waits_until != TimePoint::max()) return;
  if (now - driver.waits_since > options.time_limit) {
    fail(SimulationFailure::Kind::time_limit, "SchedulerOptions::time_limit is over: the run has taken more than " +
                                                  describe_time(options.time_limit) + " of virtual time");
  }
  if (now - foreground_ran > options.stuck_after && only_background_goes_on()) {
    fail(SimulationFailure::Kind::deadlock,
         "deadlock: nothing but background tasks has run since " + describe_time(foreground_ran - start));
  }
}

/// Whether no foreground task can go on by itself.
bool Scheduler::State::only_background_goes_on() const noexcept {
  return std::all_of(fibers.begin(), fibers.end(), [](const auto& entry) {
    const Fiber& fiber = *entry.second;
    return !fiber.foreground || (fiber.state == Fiber::State::parked && fiber.waits_until == TimePoint::max());
  });
}

/// The driver's own stack goes on, whatever it was waiting for.
void Scheduler::State::stop_driving() noexcept {
  current = &driver;
  if (driver.armed()) timers.remove(driver);
  runnable.remove(driver);
  driver.waits_for = nullptr;
  driver.state = Fiber::State::running;
}

void Scheduler::State::rethrow_escaped() {
  if (!escaped) return;
  const std::exception_ptr cause = std::exchange(escaped, nullptr);
  const std::string what = describe(cause);
  const std::string report =
      "task " + escaped_from + " ended with an exception at " + describe_time(scheduler.elapsed()) + ": " + what;
  history.record(scheduler.elapsed(), "failure", escaped_from, what);
  throw SimulationFailure(SimulationFailure::Kind::escaped_exception, report, cause);
}

void Scheduler::State::fail(SimulationFailure::Kind kind, const std::string& reason) {
  history.record(scheduler.elapsed(), "failure", "-", reason);
  throw SimulationFailure(kind,
                          reason + "\nat " + describe_time(scheduler.elapsed()) + "\n" + scheduler.describe_tasks());
}

std::string Scheduler::describe_tasks() const {
  std::vector<const Fiber*> fibers;
  if (state_->driver.waits_for != nullptr) fibers.push_back(&state_->driver);
  for (const auto& [id, fiber] : state_->fibers) fibers.push_back(fiber.get());
  return task_table(fibers);
}

}  // namespace deimos::testkit

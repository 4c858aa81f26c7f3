#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>
#include <vector>

#include <deimos/error.h>

#include "scheduler/scheduler_state.h"
#include "scheduler/task_table.h"

namespace deimos::testkit {
namespace {

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

class Driving final : public WaitTarget {
 public:
  [[nodiscard]] std::string describe() const override { return "runs the simulation"; }
};

}  // namespace

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
      fail_if_blocked();
    } else if (!timers.empty()) {
      if (timers.first_due() > now) next_instant();
      count_step("a timer");
      turn.begin(nullptr, now - start);
      timers.pop().fire();
      end_turn();
      fail_if_blocked();
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
  if (ties.falls_behind(fiber, runnable)) return ties.insert(runnable, fiber);
  ++steps;
  history.absorb(fiber.id ^ static_cast<std::uint64_t>(now.time_since_epoch().count()) << 20);
  if (fiber.foreground) foreground_ran = now;
  fiber.state = Fiber::State::running;
  current = &fiber;
  turn.begin(&fiber, now - start);
  if (fiber.group.killed) {
    run_killed(fiber);
  } else {
    driver.context.switch_to(fiber.context);
  }
  end_turn();
  current = nullptr;
  if (fiber.abandoned && fiber.state == Fiber::State::running) return go_on_elsewhere(fiber);
  if (fiber.state != Fiber::State::ended) return;
  stacks.give_back(std::move(*fiber.stack));
  fiber.stack.reset();
  watching->let_go();
  fibers.erase(fiber.id);
}

void Scheduler::State::end_turn() {
  if (turn.noticed()) blocked = watching->found();
  turn.end();
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
  watching.reset();
  driving = std::thread::id();
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

void Scheduler::State::fail_if_blocked() {
  if (!blocked.empty()) fail(SimulationFailure::Kind::blocked_task, std::exchange(blocked, {}));
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

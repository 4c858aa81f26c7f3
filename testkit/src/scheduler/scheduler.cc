#include <deimos/testkit/scheduler.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <utility>

#include <deimos/internal/broken_rule.h>

#include "scheduler/scheduler_state.h"
#include "scheduler/terminate_net.h"

namespace deimos::testkit {
namespace {

/// Ends a task that was killed. Not a std::exception, so that no handler of errors takes it for one.
struct KilledByScheduler {};

constexpr unsigned waits_granted_after_kill = 1000;
constexpr std::uint64_t steps_of_shut_down = 100'000'000;
constexpr Duration killed_time_ahead = std::chrono::hours(24 * 365 * 100);

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

SchedulerOptions checked(SchedulerOptions options) {
  if (options.block_limit < Duration::zero())
    throw std::invalid_argument(internal::broken_rule("block_limit must not be negative", options.block_limit));
  if (!options.on_blocked) options.on_blocked = &write_to_standard_error;
  return options;
}

}  // namespace

void Fiber::fire() { scheduler.wake_by_timer(*this); }

Scheduler::Scheduler(SchedulerOptions options) : state_(std::make_unique<State>(*this, checked(std::move(options)))) {}

Scheduler::~Scheduler() { shut_down(); }

void Scheduler::shut_down() {
  kill(state_->default_group);
  for (const auto& group : state_->groups) kill(*group);
  state_->current = nullptr;
  state_->steps_at_instant = 0;
  state_->options.steps_per_instant = steps_of_shut_down;
  state_->driving = std::this_thread::get_id();
  state_->watching.emplace(state_->turn, state_->watch_order);
  while (state_->runnable.first() != nullptr) state_->step();
  state_->watching.reset();
  state_->driving = std::thread::id();
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
  state_->check_thread("a new task");
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
  state_->make_runnable_among_others(*fiber);
  return fiber;
}

void Scheduler::State::body_of(void* argument) {
  Fiber& fiber = *static_cast<Fiber*>(argument);
  State& state = *fiber.scheduler.state_;
  try {
    if (!fiber.group.killed && !fiber.abandoned) fiber.body(fiber.stop.get_token());
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

void Scheduler::State::run_killed(Fiber& fiber) {
  const TerminateNet net([this, &fiber] { abandon(fiber); });
  driver.context.switch_to(fiber.context);
}

/// Leaves the running task's stack for good.
void Scheduler::State::abandon(Fiber& fiber) {
  fiber.abandoned = true;
  history.record(scheduler.elapsed(), "abandoned", fiber.group.name, fiber.name);
  fiber.context.switch_to(driver.context);
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
  into_background(fiber);
}

void Scheduler::State::into_background(Fiber& fiber) noexcept {
  if (!std::exchange(fiber.foreground, false)) return;
  if (--foreground_running == 0 && run_ends_with_foreground) scheduler.wake(driver);
}

void Scheduler::into_background() {
  Fiber* const fiber = state_->current;
  if (fiber == nullptr || fiber == &state_->driver) throw std::logic_error("only a task can go into the background");
  state_->into_background(*fiber);
}

void Scheduler::act(const std::function<void()>& action) {
  struct Resumption {
    Fiber*& current;
    Fiber* const self;
    ~Resumption() { current = self; }
  };
  const Resumption resumption{state_->current, std::exchange(state_->current, nullptr)};
  action();
}

void Scheduler::State::check_thread(const char* call) const {
  const std::thread::id thread = driving;
  if (thread == std::thread::id() || thread == std::this_thread::get_id()) return;
  throw std::logic_error(std::string(call) +
                         " of the simulation was asked for by a thread that is not the simulation's. Code under test "
                         "must start its tasks through the Runtime, not with std::thread: what another thread does "
                         "cannot be replayed");
}

void Scheduler::check_thread(const char* call) const { state_->check_thread(call); }

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

const std::string& Scheduler::name_of_current_group() const noexcept {
  return state_->current == nullptr ? state_->default_group.name : state_->current->group.name;
}

// Waiting.

bool Scheduler::park(TimePoint deadline, const WaitTarget& target) {
  State& state = *state_;
  state.check_thread("a wait");
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
    if (deadline != TimePoint::max()) timers.insert(fiber, deadline, last ? UINT64_MAX : ties.place_of_timer(&fiber));
  }
  suspend(fiber);
  fiber.waits_for = nullptr;
  return fiber.woken;
}

void Scheduler::State::suspend(Fiber& fiber) {
  if (&fiber != &driver) return fiber.context.switch_to(driver.context);
  current = nullptr;
  driving = std::this_thread::get_id();
  try {
    watching.emplace(turn, watch_order);
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
  if (deadline == TimePoint::max()) scheduler.throw_if_killed();
  if (fiber.waits_after_kill > waits_granted_after_kill) abandon(fiber);
  // The others that were killed have to come to their ends too.
  make_runnable(fiber);
  suspend(fiber);
}

void Scheduler::wake(Fiber& fiber) noexcept {
  if (fiber.state != Fiber::State::parked) return;
  fiber.woken = true;
  disarm(fiber);
  state_->make_runnable_among_others(fiber);
}

void Scheduler::wake_by_timer(Fiber& fiber) noexcept { state_->make_runnable(fiber); }

void Scheduler::State::make_runnable(Fiber& fiber) noexcept {
  fiber.state = Fiber::State::runnable;
  (fiber.group.paused ? fiber.group.held_back : runnable).push(fiber);
}

/// Not for a task that lets the others go first.
void Scheduler::State::make_runnable_among_others(Fiber& fiber) noexcept {
  if (fiber.group.paused) return make_runnable(fiber);
  fiber.state = Fiber::State::runnable;
  ties.insert(runnable, fiber);
}

void Scheduler::arm(Timer& timer, TimePoint due) {
  disarm(timer);
  if (due != TimePoint::max())
    state_->timers.insert(timer, std::max(due, state_->now), state_->ties.place_of_timer(nullptr));
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

std::size_t Scheduler::abandoned_tasks() const noexcept { return state_->abandoned_stacks.size(); }

std::size_t Scheduler::foreground_tasks() const noexcept {
  return static_cast<std::size_t>(state_->foreground_running);
}

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

}  // namespace deimos::testkit

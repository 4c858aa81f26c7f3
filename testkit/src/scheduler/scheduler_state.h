// What a Scheduler knows and does; its members are in scheduler.cc (tasks: their life, waits and end) and in
// scheduler_drive.cc (what runs next, and when a run has failed).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <deimos/testkit/scheduler.h>

#include "scheduler/block_watch.h"
#include "scheduler/fiber.h"
#include "scheduler/tie_order.h"
#include "scheduler/timer_heap.h"

namespace deimos::testkit {

struct Scheduler::State {
  State(Scheduler& owner, SchedulerOptions its_options)
      : scheduler(owner),
        options(std::move(its_options)),
        history(options.history_capacity),
        default_group("-"),
        stacks(options.stack_size),
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
  std::atomic<std::thread::id> driving = {};  // The thread that runs the simulation right now.

  FiberQueue runnable;
  TimerHeap timers;
  TieOrder ties{options.policy};

  std::uint64_t steps = 0;
  std::uint64_t steps_at_instant = 0;
  TimePoint foreground_ran = start;
  bool run_ends_with_foreground = false;
  const std::function<bool()>* predicate = nullptr;  // Ends driving when it holds.
  std::exception_ptr escaped;
  std::string escaped_from;

  Turn turn;
  const WatchOrder watch_order{options.block_limit, options.on_blocked, &history};
  std::optional<BlockWatch::Scope> watching;
  std::string blocked;  // What the watch found.

  static void body_of(void* fiber);
  [[noreturn]] void abandon(Fiber& fiber);
  void run_killed(Fiber& fiber);
  void run_last(Fiber& fiber);
  void go_on_elsewhere(Fiber& fiber);
  void end(Fiber& fiber);
  void into_background(Fiber& fiber) noexcept;
  void make_runnable(Fiber& fiber) noexcept;
  void make_runnable_among_others(Fiber& fiber) noexcept;
  void suspend(Fiber& fiber);
  void live_on_killed(Fiber& fiber, TimePoint deadline);
  bool wait(Fiber& fiber, TimePoint deadline, const WaitTarget& target);

  void check_driver() const;
  /// Throws std::logic_error in a thread that is not the one that runs the simulation right now.
  void check_thread(const char* call) const;
  void drive();
  void step();
  void count_step(std::string_view next);
  void end_turn();
  void next_instant();
  void stop_driving() noexcept;
  [[nodiscard]] bool only_background_goes_on() const noexcept;
  [[noreturn]] void fail(SimulationFailure::Kind kind, const std::string& reason);
  void rethrow_escaped();
  void fail_if_blocked();
};

}  // namespace deimos::testkit

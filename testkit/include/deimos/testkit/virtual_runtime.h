// The Runtime under virtual time: the same blocking code that runs on threads runs here on fibers, in no time and in
// the same order every time.
//
//     VirtualRuntime runtime;
//     auto task = runtime.spawn("worker", [&](std::stop_token) { runtime.sleep_for(1h); });
//     runtime.sleep_for(2h);   // also outside of tasks: runs everything that happens meanwhile
#pragma once

#include <cstdint>
#include <memory>

#include <deimos/internal/export.h>
#include <deimos/runtime.h>
#include <deimos/testkit/local_clock.h>
#include <deimos/testkit/random.h>
#include <deimos/testkit/scheduler.h>

namespace deimos::testkit {

/// One OS thread. A wait outside of every task (in a test's body) drives the tasks; it throws SimulationFailure if a
/// task ended with an exception, or if nothing can happen any more. Law 4 of runtime.h is meant in earnest here: a
/// mutex that is held across a wait stops the thread for ever.
///
/// Task's destructor waits in virtual time; if the task never ends, the program ends with a report.
class DEIMOS_EXPORT VirtualRuntime final : public Runtime {
 public:
  /// With a scheduler of its own.
  explicit VirtualRuntime(std::uint64_t seed = 1, SchedulerOptions options = {});
  /// One process's view of `scheduler`: tasks belong to `group`, the clock is the process's own. `scheduler` must
  /// outlive it. `random` feeds random().
  VirtualRuntime(Scheduler& scheduler, TaskGroup& group, ClockOptions clock, RandomStream random);
  ~VirtualRuntime() override;
  VirtualRuntime(const VirtualRuntime&) = delete;
  VirtualRuntime& operator=(const VirtualRuntime&) = delete;

  [[nodiscard]] TimePoint now() const noexcept override;
  [[nodiscard]] std::unique_ptr<Signal> make_signal() override;
  [[nodiscard]] std::unique_ptr<Task> spawn(std::string name, std::function<void(std::stop_token)> body) override;
  [[nodiscard]] std::uint64_t random() override;
  [[nodiscard]] TaskId current_task() const noexcept override;
  void check_running() const override;

  [[nodiscard]] Scheduler& scheduler() noexcept;
  [[nodiscard]] const LocalClock& clock() const noexcept;
  /// From now on. Waits that have begun are woken, to look at their deadlines again.
  void set_clock_rate(double rate);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace deimos::testkit

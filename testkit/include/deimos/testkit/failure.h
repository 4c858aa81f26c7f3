// The exception of a simulation that cannot go on.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>

#include <deimos/internal/export.h>

namespace deimos::testkit {

/// Thrown by whatever runs the simulation (Simulation::run(), a wait outside of every task). what() is a report for
/// people: it names the tasks, what each waits for and since when.
class DEIMOS_EXPORT SimulationFailure : public std::runtime_error {
 public:
  enum class Kind {
    deadlock,           ///< Nothing can happen any more, or nothing but background work, and something waits.
    livelock,           ///< Virtual time stands still while tasks keep running.
    time_limit,         ///< SchedulerOptions::time_limit is over.
    escaped_exception,  ///< A task ended with an exception: see cause().
    blocked_task,       ///< A task blocked in real time: see SchedulerOptions::block_limit.
  };
  SimulationFailure(Kind kind, const std::string& report, std::exception_ptr cause = nullptr)
      : std::runtime_error(report), kind_(kind), cause_(std::move(cause)) {}
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  /// What escaped from the task; null for other kinds.
  [[nodiscard]] const std::exception_ptr& cause() const noexcept { return cause_; }

 private:
  Kind kind_;
  std::exception_ptr cause_;
};

}  // namespace deimos::testkit

// The time of day as one simulated machine has it: it may be off, run fast or slow, and jump, back too.
#pragma once

#include <string>

#include <deimos/fake/clock.h>
#include <deimos/internal/export.h>
#include <deimos/runtime.h>
#include <deimos/testkit/local_clock.h>
#include <deimos/testkit/scheduler.h>

namespace deimos::testkit {

/// Independent of the process's other clock (Process::now()), by which everything waits. Goes on while the process does
/// not run. All begin at fake::ManualClock::epoch, as those of the nodes do.
class DEIMOS_EXPORT WallClock final : public fake::Clock {
 public:
  /// `owner` is for the history. Throws std::invalid_argument as LocalClock does.
  WallClock(Scheduler& scheduler, std::string owner, ClockOptions options);

  [[nodiscard]] fake::Instant now() const noexcept override;
  /// Sets it forward, or back if `by` is negative, as an administrator or a time server would. Throws
  /// std::invalid_argument for more than a year, or if it would be more than a century off then.
  void step(Duration by);
  /// From now on: see ClockOptions::rate. Throws std::invalid_argument.
  void set_rate(double rate);

 private:
  Scheduler& scheduler_;
  std::string owner_;
  LocalClock clock_;
  Duration stepped_ = {};
};

}  // namespace deimos::testkit

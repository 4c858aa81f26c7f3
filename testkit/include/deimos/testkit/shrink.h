// Makes what fails small: fewer faults, processes and steps, shorter and rounder times, as long as it still fails.
#pragma once

#include <cstdint>
#include <functional>

#include <deimos/internal/export.h>
#include <deimos/testkit/fault_plan.h>
#include <deimos/testkit/lock_program.h>

namespace deimos::testkit {

/// What is left of a failing run.
struct Shrunk {
  FaultPlan plan;
  LockProgram program;
  int tries = 0;  ///< Calls of `fails`.
};

/// Reduces `plan` and `program`, for which `fails` must hold, until nothing can be left out or made shorter, or `fails`
/// was called `most_tries` times. `fails` must give the same answer for the same arguments, and should hold only if the
/// run fails for the same reason; it decides how long this takes.
[[nodiscard]] DEIMOS_EXPORT Shrunk shrink(FaultPlan plan, LockProgram program,
                                          const std::function<bool(const FaultPlan&, const LockProgram&)>& fails,
                                          int most_tries = 2000);
/// The same for a plan alone.
[[nodiscard]] DEIMOS_EXPORT FaultPlan shrink(FaultPlan plan, const std::function<bool(const FaultPlan&)>& fails,
                                             int most_tries = 2000);

/// Reduces one number towards `least`, which need not be reached: by halves.
[[nodiscard]] DEIMOS_EXPORT std::int64_t shrink_number(std::int64_t number, std::int64_t least,
                                                       const std::function<bool(std::int64_t)>& fails);

}  // namespace deimos::testkit

// An instant of the store's clock, as a process takes it that believes its own to be the same.
#pragma once

#include <chrono>

#include <deimos/fake/clock.h>
#include <deimos/testkit/scheduler.h>

namespace deimos::testkit::mutants {

inline TimePoint instant_by_wall_clock(std::chrono::sys_time<Duration> instant) {
  return Scheduler::start + (instant - fake::ManualClock::epoch);
}

}  // namespace deimos::testkit::mutants

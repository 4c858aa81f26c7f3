// Tasks of one group under a scheduler.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deimos/testkit/scheduler.h>
#include <deimos/testkit/virtual_runtime.h>

namespace deimos::testkit {

using namespace std::chrono_literals;

class Nothing final : public WaitTarget {
 public:
  [[nodiscard]] std::string describe() const override { return "nothing in particular"; }
};

class SchedulerTest : public ::testing::Test {
 protected:
  std::shared_ptr<Fiber> spawn(std::string name, std::function<void()> body,
                               Scheduler::Role role = Scheduler::Role::foreground) {
    return scheduler.spawn(group, std::move(name), role, [body = std::move(body)](std::stop_token) { body(); });
  }
  /// May throw in a task that was killed, as Process::sleep().
  void sleep(Duration duration) {
    scheduler.sleep_until(scheduler.now() + duration);
    scheduler.throw_if_killed();
  }
  void wait_for_ever() { scheduler.park(TimePoint::max(), nothing); }
  /// The report of the failure that run() ends with.
  std::string failure(SimulationFailure::Kind kind) {
    try {
      scheduler.run();
    } catch (const SimulationFailure& error) {
      EXPECT_EQ(error.kind(), kind);
      return error.what();
    }
    ADD_FAILURE() << "run() returned";
    return "";
  }

  Nothing nothing;
  Scheduler scheduler{{.steps_per_instant = 5000}};
  TaskGroup& group = scheduler.add_group("process");
};

}  // namespace deimos::testkit

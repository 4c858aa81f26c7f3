// When the background tasks of the locks get up: no wake-up is lost.
#include "runtime/wakeup_timer.h"

#include <gtest/gtest.h>

#include <vector>

#include <deimos/testkit/virtual_runtime.h>

namespace deimos {
namespace {

using namespace std::chrono_literals;

class WakeupTimerTest : public ::testing::Test {
 protected:
  /// Runs the timer for a minute; `work` is told how often it was called before.
  void run(const std::function<TimePoint(std::size_t)>& work) {
    const auto task = runtime.spawn("timer", [&](const std::stop_token& stop) {
      timer.run(stop, [&] {
        woken.push_back(runtime.now() - start);
        return work(woken.size() - 1);
      });
    });
    runtime.sleep_for(1min);
  }

  testkit::VirtualRuntime runtime;
  WakeupTimer timer{runtime};
  const TimePoint start = runtime.now();
  std::vector<Duration> woken;
};

TEST_F(WakeupTimerTest, GetsUpWhenItSaidItWould) {
  run([&](std::size_t count) { return count == 0 ? start + 5s : TimePoint::max(); });
  EXPECT_EQ(woken, (std::vector<Duration>{0s, 5s}));
}

TEST_F(WakeupTimerTest, IsMovedForwardAndNotBack) {
  const auto mover = runtime.spawn("mover", [&](const std::stop_token&) {
    runtime.sleep_for(1s);
    timer.set_by(start + 20s);
    runtime.sleep_for(1s);
    timer.set_by(start + 3s);
  });
  run([&](std::size_t count) { return count == 0 ? start + 10s : TimePoint::max(); });
  EXPECT_EQ(woken, (std::vector<Duration>{0s, 2s})) << "woken to look, by what is sooner alone";
}

TEST_F(WakeupTimerTest, WhatComesWhileItLooksIsNotMissed) {
  run([&](std::size_t count) {
    if (count == 0) return start + 1s;
    if (count == 1) timer.set_by(start + 2s);  // Found by nobody: the look is over.
    return TimePoint::max();
  });
  EXPECT_EQ(woken, (std::vector<Duration>{0s, 1s, 1s}));
}

}  // namespace
}  // namespace deimos

#include <deimos/testkit/wall_clock.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include <deimos/testkit/simulation.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

class WallClockTest : public ::testing::Test {
 protected:
  Simulation simulation{{.seed = 7}};
};

TEST_F(WallClockTest, ShowsTheTimeOfDayOfTheNodes) {
  simulation.spawn("worker", [&](Process& process) {
    EXPECT_EQ(process.wall_time(), fake::ManualClock::epoch);
    process.sleep(1h);
    EXPECT_EQ(process.wall_time(), fake::ManualClock::epoch + 1h);
    EXPECT_EQ(process.wall_time(), simulation.cluster().now());
  });
  simulation.run();
}

TEST_F(WallClockTest, MayBeOffAndRunFastWhateverTheOtherClockDoes) {
  simulation.spawn("worker",
                   [&](Process& process) {
                     EXPECT_EQ(process.wall_time(), fake::ManualClock::epoch - 1h);
                     process.sleep(10s);
                     EXPECT_EQ(simulation.elapsed(), 10s);
                     EXPECT_EQ(process.wall_time(), fake::ManualClock::epoch - 1h + 20s);
                     simulation.wall_clock("worker").set_rate(0.5);
                     process.sleep(10s);
                     EXPECT_EQ(process.wall_time(), fake::ManualClock::epoch - 1h + 25s);
                   },
                   {.wall_clock = {.offset = -1h, .rate = 2}});
  simulation.run();
}

TEST_F(WallClockTest, JumpsAndNothingThatWaitsIsTouched) {
  simulation.spawn("worker", [&](Process& process) {
    process.sleep(10s);
    EXPECT_EQ(simulation.elapsed(), 10s);
    EXPECT_EQ(process.wall_time(), fake::ManualClock::epoch + 10s - 1h);
  });
  simulation.at(5s, [&] { simulation.wall_clock("worker").step(1h); });
  simulation.at(6s, [&] { simulation.wall_clock("worker").step(-2h); });
  simulation.run();
  EXPECT_THAT(simulation.history().tail(), testing::HasSubstr("worker        steps by -7200.000000000s"));
}

TEST_F(WallClockTest, GoesOnThroughCrashAndRestart) {
  fake::Instant seen = {};
  simulation.spawn("worker", [&](Process& process) {
    seen = process.wall_time();
    process.sleep(1h);
  });
  simulation.at(1s, [&] { simulation.wall_clock("worker").step(1min); });
  simulation.at(5s, [&] { simulation.crash("worker"); });
  simulation.at(10s, [&] { simulation.restart("worker"); });
  simulation.run_for(11s);
  EXPECT_EQ(seen, fake::ManualClock::epoch + 1min + 10s);
}

TEST_F(WallClockTest, RefusesWhatMakesNoSense) {
  simulation.spawn("worker", [](Process&) {});
  WallClock& clock = simulation.wall_clock("worker");
  EXPECT_THROW(clock.step(24h * 367), std::invalid_argument);
  EXPECT_THROW(clock.set_rate(-1), std::invalid_argument);
  for (int i = 0; i < 100; ++i) clock.step(24h * 366);
  EXPECT_THROW(clock.step(24h * 366), std::invalid_argument);
  EXPECT_EQ(clock.now(), fake::ManualClock::epoch + 24h * 36'600);
  EXPECT_THROW(static_cast<void>(simulation.wall_clock("nobody")), std::invalid_argument);
  EXPECT_THROW(simulation.spawn("other", [](Process&) {}, {.wall_clock = {.rate = 100}}), std::invalid_argument);
}

}  // namespace
}  // namespace deimos::testkit

// The time of day jumps, as when an administrator or a time server sets it.
#include "scenario.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

class WallClockJump : public ScenarioTest {
 protected:
  /// A lease server of one's own, that reckons by the time of day: says yes to whoever asks when no lease runs.
  void spawn_lease_server() {
    spawn("leases", {1}, [](Process& process) {
      fake::Instant over = {};
      const Service service = process.serve("leases", [&](const ServiceCall&) -> Result<std::string> {
        if (process.wall_time() < over) return fail(errc::lock_already_held, "held");
        over = process.wall_time() + 30s;
        return "yours for 30 s";
      });
      process.stand_by();
    });
  }
};

TEST_F(WallClockJump, GivesALeaseAwayThatIsReckonedByIt) {
  spawn_lease_server();
  simulation.at(5s, [&] { simulation.wall_clock("leases").step(1h); });
  spawn("holder", {1}, [&](Process& process) { EXPECT_TRUE(process.call("leases", "", 1s)); });
  spawn("heir", {1}, [&](Process& process) {
    process.sleep(1s);
    while (!process.call("leases", "", 1s)) process.sleep(100ms);
    EXPECT_THAT(elapsed(), IsBetween(5s, 5s + 200ms)) << "the holder has 25 s left";
  });
  simulation.run();
}

TEST_F(WallClockJump, KeepsALeaseForAnHourThatIsReckonedByIt) {
  spawn_lease_server();
  simulation.at(5s, [&] { simulation.wall_clock("leases").step(-1h); });
  spawn("holder", {1}, [&](Process& process) { EXPECT_TRUE(process.call("leases", "", 1s)); });
  spawn("heir", {1}, [&](Process& process) {
    process.sleep(1s);
    while (!process.call("leases", "", 1s)) process.sleep(10s);
    EXPECT_THAT(elapsed(), IsBetween(1h + 20s, 1h + 45s));
  });
  simulation.run();
}

TEST_F(WallClockJump, IsNothingToTheLocksOfALockManager) {
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    const auto hold = acquire(process).value();
    for (int i = 0; i < 10; ++i) {
      simulation.wall_clock("holder").step(i % 2 == 0 ? 3h : -5h);
      process.sleep(20s);
      EXPECT_TRUE(hold.is_held());
    }
  });
  spawn("heir", {1, 2, 3}, [&](Process& process) {
    process.sleep(1s);
    const auto hold = acquire(process, {.wait = 5min}).value();
    EXPECT_GE(elapsed(), 200s);
  });
  simulation.run();
  EXPECT_EQ(times_told("holder", LockEvent::Kind::lost), 0u);
  expect_nothing_left();
}

}  // namespace
}  // namespace deimos::testkit

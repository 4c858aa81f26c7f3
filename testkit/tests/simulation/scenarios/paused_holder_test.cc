// A process that stands still, as in a long garbage collection, and goes on as if nothing had happened.
#include "scenario.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using fake::Command;

using PausedHolder = ScenarioTest;

TEST_F(PausedHolder, ThatWakesAfterItsLeaseLearnsOfItAndIsFencedOff) {
  simulation.at(5s, [&] { simulation.pause("holder", 2min); });
  Archive archive;
  std::uint64_t token = 0;
  Duration granted = {};
  int losses = 0;
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    auto hold = acquire(process, {.on_lost =
                                      [&](const Error& error) {
                                        ++losses;
                                        EXPECT_EQ(error.code, errc::lock_expired);
                                      }})
                    .value();
    token = hold.fencing_token();
    EXPECT_TRUE(archive.take(token));
    process.sleep(6s);
    EXPECT_EQ(elapsed(), 2min + 5s) << "it slept through all of it";
    EXPECT_FALSE(hold.is_held()) << "known without asking anybody";
    EXPECT_FALSE(archive.take(token)) << "a write that did not ask is refused";
    process.sleep(1ms);
    EXPECT_TRUE(hold.lost().stop_requested());
    EXPECT_EQ(losses, 1);
    EXPECT_EQ(code_of(hold.release()), errc::lock_expired);
    process.sleep(1min);
  });
  spawn("heir", {1, 2, 3}, [&](Process& process) {
    process.sleep(1s);
    const auto hold = acquire(process).value();
    granted = elapsed();
    EXPECT_GT(hold.fencing_token(), token);
    EXPECT_TRUE(archive.take(hold.fencing_token()));
    process.sleep(3min);
    EXPECT_TRUE(hold.is_held()) << "nothing that the holder does when it wakes is its business";
  });
  simulation.run();
  EXPECT_THAT(granted, IsBetween(lease, lease + 600ms));
  EXPECT_EQ(losses, 1);
  EXPECT_EQ(times_told("holder", LockEvent::Kind::lost), 1u);
  EXPECT_EQ(times_told("heir", LockEvent::Kind::lost), 0u);
  expect_nothing_left();
}

TEST_F(PausedHolder, ThatWakesAfterItsLeaseCanHaveTheLockAgain) {
  simulation.at(5s, [&] { simulation.pause("holder", 2min); });
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    const Mutex mutex = process.locks().mutex("reports");
    auto old = mutex.acquire().value();
    process.sleep(6s);
    const auto hold = mutex.acquire();
    ASSERT_TRUE(hold) << hold.error().describe();
    EXPECT_GT(hold->fencing_token(), old.fencing_token()) << "another acquisition, not a re-entry";
    EXPECT_FALSE(old.release()) << "and not what the old hold gives back";
    process.sleep(1min);
    EXPECT_TRUE(hold->is_held());
  });
  simulation.run();
  EXPECT_EQ(times_told("holder", LockEvent::Kind::lost), 1u);
  expect_nothing_left();
}

TEST_F(PausedHolder, ThatWakesWithinItsLeaseGoesOn) {
  for (int i = 0; i < 10; ++i) {
    simulation.at(std::chrono::seconds(5 + 40 * i), [&] { simulation.pause("holder", usable_lease * 3 / 5); });
  }
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    const auto hold = acquire(process).value();
    process.sleep(7min);
    EXPECT_TRUE(hold.is_held());
  });
  simulation.run();
  EXPECT_EQ(times_told("holder", LockEvent::Kind::lost), 0u);
  expect_nothing_left();
}

TEST_F(PausedHolder, ThatStoodStillInItsAcquireTrustsNoOldGrant) {
  simulation.network().set_links({.latency_min = 10ms, .latency_max = 10ms});
  simulation.at(5ms, [&] { simulation.pause("holder", 1min); });
  Archive archive;
  bool heir_holds = false;
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    const auto hold = acquire(process);
    ASSERT_TRUE(hold) << hold.error().describe();
    EXPECT_TRUE(hold->is_held());
    EXPECT_FALSE(heir_holds) << "the answer that waited for it was a minute old";
    EXPECT_TRUE(archive.take(hold->fencing_token()));
  });
  spawn("heir", {1, 2, 3}, [&](Process& process) {
    process.sleep(1s);
    const auto hold = acquire(process).value();
    heir_holds = true;
    EXPECT_TRUE(archive.take(hold.fencing_token()));
    process.sleep(1min);
    EXPECT_TRUE(hold.is_held());
    heir_holds = false;
  });
  simulation.run();
  EXPECT_EQ(count_applied("holder", Command::Kind::create), 2u);
  EXPECT_EQ(times_told("holder", LockEvent::Kind::acquired), 1u);
  expect_nothing_left();
}

}  // namespace
}  // namespace deimos::testkit

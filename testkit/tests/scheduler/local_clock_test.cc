#include <deimos/testkit/local_clock.h>

#include <gtest/gtest.h>

#include <stdexcept>

#include <deimos/testkit/random.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1000h};

TEST(LocalClock, IsTrueTimeUnlessToldOtherwise) {
  const LocalClock clock(start, {});
  EXPECT_EQ(clock.local(start + 5s), start + 5s);
  EXPECT_EQ(clock.true_time(start + 5s), start + 5s);
}

TEST(LocalClock, IsAheadByItsOffset) {
  const LocalClock clock(start, {.offset = 3s});
  EXPECT_EQ(clock.local(start), start + 3s);
  EXPECT_EQ(clock.true_time(start + 10s), start + 7s);
}

TEST(LocalClock, GainsByItsRate) {
  const LocalClock clock(start, {.rate = 1.5});
  EXPECT_EQ(clock.local(start + 10s), start + 15s);
  EXPECT_EQ(clock.true_time(start + 15s), start + 10s);
}

TEST(LocalClock, ShowsTheDeadlineWhenTheTrueTimeHasCome) {
  RandomStream random(fresh_seed(), "clock");
  for (int i = 0; i < 1000; ++i) {
    const LocalClock clock(start, {.offset = random.between(Duration(-1h), Duration(1h)), .rate = 0.5 + random.unit()});
    const TimePoint deadline = clock.local(start) + random.between(Duration(0), Duration(100h));
    const TimePoint due = clock.true_time(deadline);
    EXPECT_GE(clock.local(due), deadline);
    EXPECT_LT(clock.local(due - 2ns), deadline);
  }
}

TEST(LocalClock, NeverGoesBackWhenItsRateChanges) {
  LocalClock clock(start, {.offset = -1s, .rate = 1.1});
  const TimePoint before = clock.local(start + 10s);
  clock.set_rate(start + 10s, 0.9);
  EXPECT_EQ(clock.local(start + 10s), before);
  EXPECT_EQ(clock.local(start + 20s), before + 9s);
}

TEST(LocalClock, WaitsForEverIfTheDeadlineIsNever) {
  EXPECT_EQ(LocalClock(start, {.offset = 1s, .rate = 0.5}).true_time(TimePoint::max()), TimePoint::max());
}

TEST(LocalClock, RefusesWhatNoClockDoes) {
  EXPECT_THROW(LocalClock(start, {.rate = 100}), std::invalid_argument);
  EXPECT_THROW(LocalClock(start, {.rate = -1}), std::invalid_argument);
  EXPECT_THROW(LocalClock(start, {.offset = 24h * 400}), std::invalid_argument);
}

TEST(LocalClock, MayStandStillAndGoOn) {
  LocalClock clock(start, {});
  clock.set_rate(start + 10s, 0);
  EXPECT_EQ(clock.local(start + 1h), start + 10s);
  EXPECT_EQ(clock.true_time(start + 11s), TimePoint::max()) << "never, as long as it stands still";
  EXPECT_EQ(clock.true_time(start + 10s), start + 10s);
  clock.set_rate(start + 1h, 1);
  EXPECT_EQ(clock.true_time(start + 11s), start + 1h + 1s);
}

}  // namespace
}  // namespace deimos::testkit

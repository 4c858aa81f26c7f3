#include <deimos/testkit/random.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

namespace deimos::testkit {
namespace {

TEST(RandomStream, GivesTheSameNumbersOnEveryPlatform) {
  RandomStream random(42, "network");
  const std::array<std::uint64_t, 3> drawn{random.next(), random.next(), random.next()};
  EXPECT_EQ(drawn, (std::array<std::uint64_t, 3>{16241739848408727312u, 13360584178563099696u, 10824309404303985920u}));
}

TEST(RandomStream, IsIndependentForEachConcern) {
  RandomStream network(42, "network");
  RandomStream faults(42, "faults");
  EXPECT_NE(network.next(), faults.next());
}

TEST(RandomStream, StaysWithinItsBoundsAndReachesThem) {
  RandomStream random(1, "test");
  std::array<int, 6> seen{};
  for (int i = 0; i < 6000; ++i) ++seen.at(random.below(6));
  for (const int count : seen) EXPECT_NEAR(count, 1000, 150);
  for (int i = 0; i < 100; ++i) {
    const std::int64_t number = random.between(std::int64_t{-2}, std::int64_t{2});
    EXPECT_GE(number, -2);
    EXPECT_LE(number, 2);
    const double unit = random.unit();
    EXPECT_GE(unit, 0);
    EXPECT_LT(unit, 1);
  }
  EXPECT_EQ(random.below(0), 0u);
  EXPECT_EQ(random.between(std::int64_t{5}, std::int64_t{4}), 5);
  static_cast<void>(random.between(INT64_MIN, INT64_MAX));
}

TEST(RandomStream, DrawsNothingForACertainty) {
  RandomStream random(1, "test");
  EXPECT_FALSE(random.chance(0));
  EXPECT_TRUE(random.chance(1));
  EXPECT_EQ(random.draws(), 0u);
}

TEST(RandomStream, ShufflesWithoutLosingAnything) {
  RandomStream random(7, "test");
  std::vector<int> items{1, 2, 3, 4, 5, 6, 7, 8};
  const std::vector<int> before = items;
  random.shuffle(items);
  EXPECT_NE(items, before);
  EXPECT_TRUE(std::is_permutation(items.begin(), items.end(), before.begin()));
}

}  // namespace
}  // namespace deimos::testkit

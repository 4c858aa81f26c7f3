#include <deimos/testkit/gtest_property.h>

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

DEIMOS_PROPERTY(GTestProperty, IsWrittenLikeATest)(Scenario& s) {
  s.simulation().spawn("sleeper", [&](Process& process) {
    process.sleep(s.draw("nap", 1s, 5s));
    EXPECT_LE(s.simulation().elapsed(), 5s);
    s.count("naps");
  });
  s.expect_some("naps");
  EXPECT_TRUE(s.run());
}

/// What the test that runs would report.
std::vector<std::string> failures_of(void (*body)(Scenario&)) {
  ::testing::TestPartResultArray results;
  {
    const ::testing::ScopedFakeTestPartResultReporter reporter(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    run_property_as_test(body);
  }
  std::vector<std::string> messages;
  for (int i = 0; i < results.size(); ++i) messages.emplace_back(results.GetTestPartResult(i).message());
  return messages;
}

TEST(GTestPropertyFailures, AreReportedOnceWithProcessTimeAndReplay) {
  const auto results = failures_of([](Scenario& s) {
    s.simulation().spawn("worker", [&](Process& process) {
      process.sleep(s.draw("nap", 2s, 60s));
      EXPECT_EQ(1, 2) << "on purpose";
      EXPECT_EQ(3, 4) << "not reached as a failure of its own";
    });
    s.run();
  });
  ASSERT_EQ(results.size(), 1U);
  EXPECT_THAT(results[0],
              AllOf(HasSubstr("seed 1 fails"), HasSubstr("on purpose"), HasSubstr("task `worker`"),
                    HasSubstr("+2.000000000s"), HasSubstr("nap = 2000000000 (2s)"), HasSubstr("DEIMOS_SEED=1 "),
                    HasSubstr("--gtest_filter=GTestPropertyFailures.AreReported")));
}

TEST(GTestPropertyFailures, RefuseANameThatNobodyKnowsAndListThoseThatAreKnown) {
  const auto results = failures_of([](Scenario& s) {
    s.count("naps", 0);
    s.expect_some("lock lost");
  });
  ASSERT_EQ(results.size(), 1U);
  EXPECT_THAT(results[0], AllOf(HasSubstr("no run counts `lock lost`"), HasSubstr("\n  locks lost"),
                                HasSubstr("\n  naps"), HasSubstr("\n  rule drop_answer")));
}

TEST(GTestPropertyFailures, NameWhatWasNeverExercised) {
  const auto results = failures_of([](Scenario& s) { s.expect_some("locks lost"); });
  ASSERT_EQ(results.size(), 1U);
  EXPECT_THAT(results[0], HasSubstr("vacuous: no run exercised `locks lost`"));
}

}  // namespace
}  // namespace deimos::testkit

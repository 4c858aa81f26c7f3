#include <deimos/testkit/scheduler.h>

#include <gtest/gtest.h>

namespace deimos::testkit {
namespace {

TEST(Scheduler, StartsAtAnInstantThatIsNotTheDefaultOne) { EXPECT_NE(Scheduler().now(), TimePoint{}); }

}  // namespace
}  // namespace deimos::testkit

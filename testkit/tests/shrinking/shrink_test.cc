#include <deimos/testkit/shrink.h>

#include <algorithm>
#include <chrono>

#include <gmock/gmock.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

PlanLimits limits() { return {.nodes = 3, .processes = {"p1", "p2", "p3"}, .most_episodes = 20}; }

bool isolates(const FaultPlan& plan) {
  return std::ranges::any_of(plan.episodes, [](const Episode& episode) {
    const auto* fault = std::get_if<fake::Fault>(&episode.what);
    return fault != nullptr && std::holds_alternative<fake::Isolate>(*fault) && episode.lasts >= 3s && episode.at > 1s;
  });
}

FaultPlan plan_that_isolates() {
  for (std::uint64_t seed = 1;; ++seed) {
    FaultPlan plan = random_plan(seed, limits());
    if (plan.episodes.size() > 8 && isolates(plan)) return plan;
  }
}

TEST(Shrink, LeavesOneEpisodeOfTheShortestRoundTime) {
  const FaultPlan small = shrink(plan_that_isolates(), isolates);
  ASSERT_EQ(small.episodes.size(), 1U) << small.as_code();
  EXPECT_LT(small.episodes[0].lasts, 6s);
  EXPECT_EQ(small.episodes[0].lasts % 100ms, 0ns) << small.as_code();
  EXPECT_LT(small.episodes[0].at, 3s);
  EXPECT_TRUE(isolates(small));
}

TEST(Shrink, StopsWhenItsTriesAreUsedUp) {
  int tries = 0;
  const FaultPlan plan = plan_that_isolates();
  const FaultPlan same = shrink(
      plan,
      [&](const FaultPlan& smaller) {
        ++tries;
        return isolates(smaller);
      },
      3);
  EXPECT_EQ(tries, 3);
  EXPECT_TRUE(isolates(same));
}

TEST(Shrink, KeepsPairsThatFailOnlyTogether) {
  FaultPlan plan;
  for (fake::NodeId node = 1; node <= 3; ++node)
    plan.episodes.push_back({node * 1s, 1s, fake::Fault(fake::Isolate{node})});
  const auto together = [](const FaultPlan& smaller) {
    int found = 0;
    for (const Episode& episode : smaller.episodes) {
      found += episode.what != Disturbance(fake::Fault(fake::Isolate{2})) ? 1 : 0;
    }
    return found == 2;
  };
  EXPECT_EQ(shrink(plan, together).episodes.size(), 2U);
}

TEST(Shrink, ReducesAProgramToTheStepsThatMatter) {
  const LockProgram program = random_program(7, {.processes = 3, .locks = 2, .steps = 24, .longest = 20s});
  const auto sleeps_in_second = [](const FaultPlan&, const LockProgram& smaller) {
    return smaller.processes.size() >= 2 && std::ranges::any_of(smaller.processes[1], [](const LockStep& step) {
             return step.kind == LockStep::Kind::sleep && step.amount >= 10ms;
           });
  };
  const Shrunk small = shrink(random_plan(7, limits()), program, sleeps_in_second);
  EXPECT_TRUE(small.plan.episodes.empty());
  ASSERT_EQ(small.program.processes.size(), 2U);
  EXPECT_TRUE(small.program.processes[0].empty());
  ASSERT_EQ(small.program.processes[1].size(), 1U);
  EXPECT_LT(small.program.processes[1][0].amount, 20ms);
}

TEST(Shrink, FindsTheSmallestNumberThatFails) {
  EXPECT_EQ(shrink_number(1000, 0, [](std::int64_t n) { return n >= 17; }), 17);
  EXPECT_EQ(shrink_number(1000, 5, [](std::int64_t) { return true; }), 5);
  EXPECT_EQ(shrink_number(5, 5, [](std::int64_t) { return false; }), 5);
}

}  // namespace
}  // namespace deimos::testkit

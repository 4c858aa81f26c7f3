#include <deimos/testkit/determinism.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// Two processes that write the same key, through a network that loses messages.
void contend(Simulation& simulation) {
  for (const char* name : {"a", "b"}) {
    simulation.spawn(name, [](Process& process) {
      for (int i = 0; i < 20; ++i) {
        process.client().set("/key", process.name() + std::to_string(i));
        process.sleep(Duration(process.random().between(1, 1'000'000)));
      }
    });
  }
  simulation.run();
}

TEST(Determinism, GivesTheSameHistoryForTheSameSeed) {
  const SimulationOptions options{.seed = 7, .links = {.request_loss = 0.1, .answer_loss = 0.1, .duplication = 0.1}};
  const auto divergence = check_determinism(options, contend);
  EXPECT_FALSE(divergence) << divergence->report;
}

TEST(Determinism, HoldsWhenTiesAreBrokenByTheSeed) {
  SimulationOptions options{.seed = 7,
                            .links = {.latency_min = Duration(1'000'000), .latency_max = Duration(1'000'000)}};
  Simulation in_order(options);
  contend(in_order);
  options.scheduler.policy.kind = SchedulingPolicy::Kind::random;
  Simulation shuffled(options);
  contend(shuffled);
  EXPECT_NE(shuffled.history_hash(), in_order.history_hash());
  const auto divergence = check_determinism(options, contend);
  EXPECT_FALSE(divergence) << divergence->report;
}

TEST(Determinism, GivesOtherHistoriesForOtherSeeds) {
  std::vector<std::uint64_t> hashes;
  for (const std::uint64_t seed : {1u, 2u}) {
    Simulation simulation({.seed = seed});
    contend(simulation);
    hashes.push_back(simulation.history_hash());
  }
  EXPECT_NE(hashes[0], hashes[1]);
}

TEST(Determinism, KeepsTheNetworkAsItIsWhenAProcessDrawsOneNumberMore) {
  const auto ends_of_requests = [](int draws) {
    Simulation simulation({.seed = 7});
    std::vector<Duration> ends;
    simulation.spawn("process", [&](Process& process) {
      for (int i = 0; i < draws; ++i) static_cast<void>(process.random().next());
      for (int i = 0; i < 20; ++i) {
        process.client().set("/key", "value").value();
        ends.push_back(simulation.elapsed());
      }
    });
    simulation.run();
    return ends;
  };
  EXPECT_EQ(ends_of_requests(0), ends_of_requests(1));
}

TEST(Determinism, ReportsTheFirstEventThatDiffers) {
  int run = 0;
  const auto divergence = check_determinism({}, [&run](Simulation& simulation) {
    ++run;
    simulation.note("same");
    simulation.note("run " + std::to_string(run));
    simulation.note("same again");
  });
  ASSERT_TRUE(divergence);
  EXPECT_EQ(divergence->first->text, "run 1");
  EXPECT_EQ(divergence->second->text, "run 2");
  EXPECT_THAT(divergence->report, HasSubstr("same\nfirst run:\n"));
}

TEST(Determinism, NoticesARunThatEndsEarlier) {
  int run = 0;
  const auto divergence = check_determinism({}, [&run](Simulation& simulation) {
    if (++run == 1) simulation.note("only once");
  });
  ASSERT_TRUE(divergence);
  EXPECT_EQ(divergence->first->text, "only once");
}

TEST(Determinism, NoticesARandomDrawThatLeavesNoOtherTrace) {
  int run = 0;
  const auto divergence = check_determinism({}, [&run](Simulation& simulation) {
    if (++run == 2) static_cast<void>(simulation.observer().runtime().random());
    simulation.note("looks the same");
  });
  ASSERT_TRUE(divergence);
  EXPECT_THAT(divergence->report, HasSubstr("These look alike"));
}

}  // namespace
}  // namespace deimos::testkit

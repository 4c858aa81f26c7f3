// One of three nodes stands still, over real sockets and on real threads.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include <deimos/client.h>
#include <deimos/fake/http_cluster.h>
#include <deimos/lock_manager.h>

namespace deimos {
namespace {

using namespace std::chrono_literals;

TEST(HungNodeOverHttp, CostsEachClientOneCallAndNobodyALock) {
  const fake::SystemClock clock;
  fake::HttpCluster served({.nodes = 3, .clock = &clock});
  const ClientOptions options{.endpoints = served.urls(), .attempt_timeout = 1500ms};
  LockManager manager(Client(options), {.ttl = 5s});
  const auto held = manager.mutex("reports").acquire();
  ASSERT_TRUE(held) << held.error().describe();
  served.cluster().pause(served.cluster().leader() == 1 ? 2 : 1);

  constexpr int threads = 4;
  constexpr int writes = 100;
  std::atomic<int> unclear = 0;
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < threads; ++i) {
      writers.emplace_back([&, i] {
        const Client client(options);
        for (int n = 0; n < writes; ++n) {
          const auto written = client.set("/key" + std::to_string(i), std::to_string(n));
          if (written) continue;
          ++(written.error().code == condition::outcome_unknown ? unclear : failed);
        }
      });
    }
  }
  EXPECT_LE(unclear, threads);
  EXPECT_EQ(failed, 0);
  int renewed = 0;
  for (int i = 0; i < 6; ++i) renewed += held->renew().has_value();
  EXPECT_GE(renewed, 5) << "the node is found out once";
  EXPECT_TRUE(held->is_held());
}

}  // namespace
}  // namespace deimos

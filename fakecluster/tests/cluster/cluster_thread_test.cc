// A cluster asked from many threads while faults come and go.
#include <atomic>
#include <thread>
#include <vector>

#include "cluster/cluster_fixture.h"

namespace deimos::fake {
namespace {

TEST(ClusterThreads, RequestsFaultsAndTimeMayComeFromAnyThread) {
  Cluster cluster({.nodes = 3, .seed = 1});
  cluster.add_rule({"slow", {.method = "PUT", .probability = 0.2}, Delay{0ms, 500ms}});
  std::atomic<int> running = 3;
  std::vector<std::jthread> clients;
  for (NodeId node = 1; node <= 3; ++node) {
    clients.emplace_back([&, node] {
      const std::string key = "/keys/k" + std::to_string(node);
      for (int n = 0; n < 300; ++n) {
        const auto watch = std::make_shared<RecordedReply>();
        const Node::Ticket ticket = cluster.node(node).handle({"GET", key + "?wait=true", {}, {}, {}}, watch);
        (void)cluster.node(node % 3 + 1).handle({"PUT", key + "?value=v", {}, {}, {}});
        cluster.abandon(ticket);
      }
      --running;
    });
  }
  while (running != 0) {
    for (NodeId node = 1; node <= 3; ++node) {
      cluster.isolate(node);
      cluster.advance(1s);
      cluster.crash(node);
      cluster.advance(3s);
      cluster.recover();
      cluster.advance(3s);
      EXPECT_EQ(cluster.describe().empty(), false);
    }
  }
  clients.clear();
  cluster.recover();
  cluster.advance(1min);
  const ClusterState state = cluster.state();
  for (const NodeState& node : state.nodes) {
    EXPECT_EQ(node.watchers, 0u) << cluster.describe();
    EXPECT_EQ(node.waiting, 0u);
    EXPECT_EQ(node.index, state.nodes[0].index);
  }
}

}  // namespace
}  // namespace deimos::fake

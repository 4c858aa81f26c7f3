// What one side of a partition commits was proposed on that side, or had come there before the cut.
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deimos/fake/cluster.h>

#include "protocol/recorded_reply.h"

namespace deimos::fake {
namespace {

using namespace std::chrono_literals;

using Numbers = std::vector<std::array<std::uint8_t, 3>>;

/// Five nodes whose GETs show what is in their own store.
class PartitionedRun {
 public:
  explicit PartitionedRun(std::uint64_t seed) : cluster_({.nodes = 5, .seed = seed, .read_mode = ReadMode::local}) {}

  /// Before the partition: anything.
  void prepare(std::uint8_t kind, std::uint8_t one, std::uint8_t other) {
    const NodeId node = 1 + one % 5;
    const NodeId second = 1 + other % 5;
    switch (kind % 8) {
      case 0: return node == second ? cluster_.heal() : cluster_.cut(node, second);
      case 1: return cluster_.isolate(node);
      case 2: return cluster_.crash(node);
      case 3: return cluster_.restart(node);
      case 4: return cluster_.pause(node);
      case 5: return cluster_.resume(node);
      case 6: return cluster_.advance(20ms * other);
      default: put(node, "/before/" + std::to_string(++writes_));
    }
  }
  void cut(std::uint8_t members) {
    Cluster::Group side;
    for (NodeId node = 1; node <= 5; ++node) {
      if (on_first_side(members, node)) side.push_back(node);
    }
    members_ = members;
    if (!side.empty() && side.size() < 5) cluster_.partition(side);
  }
  /// While it lasts: anything but what mends a link.
  void continue_with(std::uint8_t kind, std::uint8_t one, std::uint8_t other) {
    const NodeId node = 1 + one % 5;
    switch (kind % 8) {
      case 0: return cluster_.isolate(node);
      case 1: return cluster_.crash(node);
      case 2: return cluster_.restart(node);
      case 3: return cluster_.pause(node);
      case 4: return cluster_.resume(node);
      case 5: return cluster_.advance(20ms * other);
      default: written_.push_back({node, "/after/" + std::to_string(++writes_)}); put(node, written_.back().key);
    }
  }
  /// The write that crossed; nothing if none did.
  std::string crossing() {
    for (NodeId node = 1; node <= 5; ++node) {
      cluster_.restart(node);
      cluster_.resume(node);
      for (const Write& write : written_) {
        if (on_first_side(members_, node) == on_first_side(members_, write.node)) continue;
        if (cluster_.node(node).handle({"GET", "/keys" + write.key, {}, {}, {}}).status != 404) {
          return write.key + " of node " + std::to_string(write.node) + " is at node " + std::to_string(node);
        }
      }
    }
    return {};
  }

 private:
  struct Write {
    NodeId node;
    std::string key;
  };

  static bool on_first_side(std::uint8_t members, NodeId node) { return (members >> (node - 1) & 1) != 0; }
  void put(NodeId node, const std::string& key) {
    cluster_.handle(node, {}, {"PUT", "/keys" + key + "?value=1", {}, {}, {}}, std::make_shared<RecordedReply>());
  }

  Cluster cluster_;
  std::uint8_t members_ = 0;
  std::uint64_t writes_ = 0;
  std::vector<Write> written_;
};

rc::Gen<Numbers> partition_programs() {
  return rc::gen::scale(2.0, rc::gen::container<Numbers>(rc::gen::container<std::array<std::uint8_t, 3>>(
                                 rc::gen::inRange<std::uint8_t>(0, 255))));
}

RC_GTEST_PROP(ClusterPartitionProperty, NoWriteCrossesAPartition, ()) {
  PartitionedRun run(*rc::gen::arbitrary<std::uint64_t>());
  for (const auto& [kind, one, other] : *partition_programs()) run.prepare(kind, one, other);
  run.cut(*rc::gen::inRange<std::uint8_t>(1, 31));
  for (const auto& [kind, one, other] : *partition_programs()) run.continue_with(kind, one, other);
  const std::string crossing = run.crossing();
  if (!crossing.empty()) RC_FAIL(crossing);
}

}  // namespace
}  // namespace deimos::fake

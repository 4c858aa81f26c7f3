// The state of a cluster as plain values, for tests and the admin API.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/fake/clock.h>
#include <deimos/fake/node_id.h>
#include <deimos/fake/rule.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

enum class Role : std::uint8_t { follower, leader };

struct NodeState {
  NodeId id = 0;
  std::string name;
  std::string client_url;
  bool running = true;  ///< Not crashed.
  bool paused = false;
  Role role = Role::follower;  ///< The node's own view; a deposed leader may still report `leader`.
  NodeId leader = 0;           ///< The node's own view; 0: it knows none.
  std::uint64_t term = 0;
  std::uint64_t index = 0;                  ///< Of its store: what it has applied.
  std::uint64_t applied = 0;                ///< How many log entries it has applied.
  std::vector<NodeId> reaches;              ///< The others that hear it.
  std::chrono::nanoseconds clock_offset{};  ///< Its clock minus true time.
  double clock_rate = 1;
  std::size_t watchers = 0;
  std::size_t waiting = 0;  ///< Requests that have no answer yet, watches aside.
  std::size_t keys = 0;     ///< Files and directories, the root and hidden ones too.
  std::uint64_t requests = 0;
};

struct ClusterState {
  Instant now{};
  NodeId leader = 0;  ///< Who can commit; 0 if nobody can.
  std::uint64_t term = 0;
  std::uint64_t committed = 0;  ///< How many log entries are.
  std::size_t pending = 0;      ///< Proposals of a leader without a majority.
  std::size_t scheduled_faults = 0;
  std::vector<NodeState> nodes;  ///< Node 1 first.
  std::vector<RuleStatus> rules;
};

[[nodiscard]] DEIMOS_EXPORT std::string_view to_string(Role role) noexcept;
/// A line for the cluster, one for each node and each rule.
[[nodiscard]] DEIMOS_EXPORT std::string describe(const ClusterState& state);

}  // namespace deimos::fake

// What a node tells of itself and its cluster, beside the keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <deimos/fake/clock.h>
#include <deimos/fake/node_id.h>
#include <deimos/transport.h>

#include "protocol/member_list.h"
#include "protocol/operation_counts.h"
#include "protocol/page.h"

namespace deimos::fake {

/// What a page may say, as the node asked knows it.
struct NodeView {
  struct Follower {
    NodeId node = 0;
    std::uint64_t appended = 0;  ///< Entries that it has.
  };
  const MemberList& members;
  const OperationCounts& counts;
  NodeId node = 0;
  NodeId leader = 0;        ///< 0: it knows none.
  bool can_commit = false;  ///< Whether that leader has a majority, and reaches the node.
  std::uint64_t appended = 0;
  std::uint64_t sent = 0;  ///< Entries that it sent to others as their leader.
  std::size_t watchers = 0;
  Instant started{};
  Instant leader_since{};
  Instant now{};
  std::vector<Follower> followers = {};  ///< If it leads.
};

[[nodiscard]] Response node_page(Page page, const NodeView& view);

}  // namespace deimos::fake

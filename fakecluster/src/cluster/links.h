// Which node hears which.
#pragma once

#include <cstddef>
#include <vector>

#include <deimos/fake/node_id.h>

namespace deimos::fake {

/// Directed links between nodes; all are whole at first.
class Links {
 public:
  explicit Links(NodeId nodes) : nodes_(nodes), whole_(std::size_t{nodes} * nodes, true) {}

  [[nodiscard]] bool whole(NodeId from, NodeId to) const noexcept { return whole_[place(from, to)]; }
  void set(NodeId from, NodeId to, bool whole) noexcept {
    if (from != to) whole_[place(from, to)] = whole;
  }
  /// Both ways, to and from all others.
  void set_all(NodeId node, bool whole) noexcept {
    for (NodeId other = 1; other <= nodes_; ++other) {
      set(node, other, whole);
      set(other, node, whole);
    }
  }
  void mend() noexcept { whole_.assign(whole_.size(), true); }
  /// Whole within each group and nowhere else; nodes in no group are one more.
  void partition(const std::vector<std::vector<NodeId>>& groups) {
    std::vector<std::size_t> group_of(nodes_ + 1, 0);
    for (std::size_t group = 0; group < groups.size(); ++group) {
      for (const NodeId node : groups[group]) group_of[node] = group + 1;
    }
    for (NodeId from = 1; from <= nodes_; ++from) {
      for (NodeId to = 1; to <= nodes_; ++to) set(from, to, group_of[from] == group_of[to]);
    }
  }

 private:
  [[nodiscard]] std::size_t place(NodeId from, NodeId to) const noexcept {
    return std::size_t{from - 1} * nodes_ + (to - 1);
  }

  NodeId nodes_;
  std::vector<bool> whole_;
};

}  // namespace deimos::fake

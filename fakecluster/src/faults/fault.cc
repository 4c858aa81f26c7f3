#include <deimos/fake/fault.h>

#include <array>
#include <stdexcept>

#include "faults/fault_text.h"
#include "store/key_check.h"

namespace deimos::fake {
namespace {

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

void check_duration(std::chrono::nanoseconds duration) {
  if (duration.count() < 0) refuse("a negative duration of " + duration_text(duration));
  if (duration > std::chrono::hours(24 * 365 * 100)) refuse("a duration of more than a hundred years");
}

struct CheckFault {
  NodeId nodes;

  void node(NodeId id) const {
    if (id >= 1 && id <= nodes) return;
    refuse("there is no node " + std::to_string(id) + " in a cluster of " + std::to_string(nodes));
  }
  void link(NodeId from, NodeId to) const {
    node(from);
    node(to);
    if (from == to) refuse("there is no link from node " + std::to_string(from) + " to itself");
  }

  void operator()(const Partition& fault) const {
    if (fault.groups.empty()) refuse("a partition without a group");
    std::vector<bool> seen(nodes + std::size_t{1});
    for (const auto& group : fault.groups) {
      if (group.empty()) refuse("a partition with an empty group");
      for (const NodeId id : group) {
        node(id);
        if (seen[id]) refuse("node " + std::to_string(id) + " is in a partition twice");
        seen[id] = true;
      }
    }
  }
  void operator()(const CutLink& fault) const { link(fault.from, fault.to); }
  void operator()(const MendLink& fault) const { link(fault.from, fault.to); }
  void operator()(const Heal&) const {}
  void operator()(const Lag& fault) const {
    node(fault.node);
    check_duration(fault.least);
    check_duration(fault.most);
    if (fault.most < fault.least) {
      refuse("a lag of at least " + duration_text(fault.least) + " and at most " + duration_text(fault.most));
    }
  }
  void operator()(const Restart& fault) const {
    node(fault.node);
    check_duration(fault.behind);
  }
  void operator()(const SetClockRate& fault) const {
    node(fault.node);
    if (!(fault.rate >= 0.001 && fault.rate <= 1000)) {
      refuse("a clock rate of " + number_text(fault.rate) + ": it must be from 0.001 to 1000");
    }
  }
  void operator()(const SkipSweeps& fault) const { check_duration(fault.duration); }
  void operator()(const ExpireKey& fault) const { check_key(fault.key); }
  void operator()(const WipeHistory& fault) const {
    if (fault.node != 0) node(fault.node);
  }
  void operator()(const ForgetWatchers& fault) const {
    if (fault.node != 0) node(fault.node);
    if (fault.key.size() > longest_pattern) refuse("a pattern of " + std::to_string(fault.key.size()) + " bytes");
  }
  void operator()(const ChangeLeader& fault) const {
    if (fault.to != 0) node(fault.to);
  }
  void operator()(const AddRule& fault) const { validate(fault.rule, nodes); }
  void operator()(const RemoveRules&) const {}
  void operator()(const Recover&) const {}
  /// Isolate, Crash and all others that name one node and need no more; that a clock can show it is seen later.
  template <typename OfNode>
  void operator()(const OfNode& fault) const {
    node(fault.node);
  }
};

std::string node_text(NodeId node) { return "node " + std::to_string(node); }
std::string link_text(NodeId from, NodeId to) { return "link " + std::to_string(from) + " to " + std::to_string(to); }
std::string place_text(NodeId node) { return node == 0 ? "everywhere" : "at " + node_text(node); }

struct DescribeFault {
  std::string operator()(const Partition& fault) const {
    std::string text = "partition";
    for (const auto& group : fault.groups) text += " " + group_text(group);
    return text;
  }
  std::string operator()(const CutLink& fault) const { return "cut " + link_text(fault.from, fault.to); }
  std::string operator()(const MendLink& fault) const { return "mend " + link_text(fault.from, fault.to); }
  std::string operator()(const Isolate& fault) const { return "isolate " + node_text(fault.node); }
  std::string operator()(const Rejoin& fault) const { return "rejoin " + node_text(fault.node); }
  std::string operator()(const Heal&) const { return "heal"; }
  std::string operator()(const Lag& fault) const {
    return "lag of " + node_text(fault.node) + " by " + range_text(fault.least, fault.most);
  }
  std::string operator()(const Crash& fault) const { return "crash " + node_text(fault.node); }
  std::string operator()(const Restart& fault) const {
    return "restart " + node_text(fault.node) + (fault.from_snapshot ? " from a snapshot" : "") +
           (fault.behind.count() == 0 ? "" : ", behind for " + duration_text(fault.behind));
  }
  std::string operator()(const Pause& fault) const { return "pause " + node_text(fault.node); }
  std::string operator()(const Resume& fault) const { return "resume " + node_text(fault.node); }
  std::string operator()(const SkewClock& fault) const {
    return "skew clock of " + node_text(fault.node) + " by " + signed_duration_text(fault.offset);
  }
  std::string operator()(const StepClock& fault) const {
    return "step clock of " + node_text(fault.node) + " by " + signed_duration_text(fault.by);
  }
  std::string operator()(const SetClockRate& fault) const {
    return "set clock rate of " + node_text(fault.node) + " to " + number_text(fault.rate);
  }
  std::string operator()(const ResetClock& fault) const { return "reset clock of " + node_text(fault.node); }
  std::string operator()(const SkipSweeps& fault) const { return "skip sweeps for " + duration_text(fault.duration); }
  std::string operator()(const ExpireKey& fault) const { return "expire " + fault.key; }
  std::string operator()(const WipeHistory& fault) const { return "wipe history " + place_text(fault.node); }
  std::string operator()(const ForgetWatchers& fault) const {
    return "forget watchers " + place_text(fault.node) + (fault.key.empty() ? "" : " of " + fault.key);
  }
  std::string operator()(const ChangeLeader& fault) const {
    return fault.to == 0 ? "change leader" : "change leader to " + node_text(fault.to);
  }
  std::string operator()(const AddRule& fault) const { return "add rule " + describe(fault.rule); }
  std::string operator()(const RemoveRules& fault) const {
    return fault.name.empty() ? "remove rules" : "remove rules '" + fault.name + "'";
  }
  std::string operator()(const Recover&) const { return "recover"; }
};

}  // namespace

std::string_view name_of(const Fault& fault) noexcept {
  constexpr std::array<std::string_view, std::variant_size_v<Fault>> names{
      "partition",    "cut_link",    "mend_link",  "isolate",      "rejoin",          "heal",          "lag",
      "crash",        "restart",     "pause",      "resume",       "skew_clock",      "step_clock",    "set_clock_rate",
      "reset_clock",  "skip_sweeps", "expire_key", "wipe_history", "forget_watchers", "change_leader", "add_rule",
      "remove_rules", "recover"};
  return names[fault.index()];
}

std::string describe(const Fault& fault) { return std::visit(DescribeFault{}, fault); }

void validate(const Fault& fault, NodeId nodes) { std::visit(CheckFault{nodes}, fault); }

}  // namespace deimos::fake

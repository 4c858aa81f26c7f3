#include <deimos/fake/cluster_state.h>

#include <deimos/fake/incident.h>

#include "faults/fault_text.h"

namespace deimos::fake {

std::string_view to_string(Role role) noexcept { return role == Role::leader ? "leader" : "follower"; }

std::string_view to_string(Incident::Kind kind) noexcept {
  switch (kind) {
    case Incident::Kind::fault: return "fault";
    case Incident::Kind::election: return "election";
    case Incident::Kind::quorum: return "quorum";
    case Incident::Kind::rule: return "rule";
  }
  return "";
}

namespace {

std::string describe(const NodeState& node) {
  std::string text = "  node " + std::to_string(node.id) + " (" + node.name + ", " + node.client_url + "): ";
  if (!node.running) {
    text += "crashed";
  } else {
    text.append(node.paused ? "paused, " : "").append(to_string(node.role));
    if (node.role == Role::follower) text += node.leader == 0 ? " of nobody" : " of " + std::to_string(node.leader);
  }
  text += ", term " + std::to_string(node.term) + ", index " + std::to_string(node.index) + ", applied " +
          std::to_string(node.applied) + ", reaches " + group_text(node.reaches);
  if (node.clock_offset.count() != 0) text += ", clock " + signed_duration_text(node.clock_offset);
  if (node.clock_rate != 1) text += ", rate " + number_text(node.clock_rate);
  return text + ", " + std::to_string(node.keys) + " keys, " + std::to_string(node.watchers) + " watchers, " +
         std::to_string(node.waiting) + " waiting, " + std::to_string(node.requests) + " requests\n";
}

}  // namespace

std::string describe(const ClusterState& state) {
  std::string text = "cluster of " + std::to_string(state.nodes.size()) + ": " +
                     (state.leader == 0 ? "nobody leads" : "node " + std::to_string(state.leader) + " leads") +
                     ", term " + std::to_string(state.term) + ", " + std::to_string(state.committed) + " committed, " +
                     std::to_string(state.pending) + " pending, " + std::to_string(state.scheduled_faults) +
                     " faults to come\n";
  for (const NodeState& node : state.nodes) text += describe(node);
  for (const RuleStatus& rule : state.rules) {
    text += "  rule " + std::to_string(rule.id) + ": " + describe(rule.rule) + " (matched " +
            std::to_string(rule.matched) + ", acted " + std::to_string(rule.acted) + ")\n";
  }
  return text;
}

}  // namespace deimos::fake

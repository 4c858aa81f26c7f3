#include "cluster/condition_check.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "faults/pattern.h"

namespace deimos::fake {
namespace {

constexpr std::size_t most_shown = 200;

std::string quoted(const std::string& text) {
  return "'" + (text.size() <= most_shown ? text : text.substr(0, most_shown) + "…") + "'";
}

}  // namespace

bool ConditionCheck::is_so(const Condition& condition) {
  consensus_.catch_up_all();
  return std::visit([this](const auto& it) { return holds(it); }, condition);
}

ConditionCheck::Finding ConditionCheck::look(const Condition& condition) {
  const bool so = is_so(condition);
  return {so, std::visit([this](const auto& it) { return truth(it); }, condition)};
}

const Store& ConditionCheck::committed() {
  consensus_.catch_up_all();
  return store(0);
}

NodeId ConditionCheck::of(NodeId node) const {
  if (node != 0) return node;
  NodeId best = 1;
  for (NodeId id = 2; id <= consensus_.size(); ++id) {
    if (consensus_.member(id).applied > consensus_.member(best).applied) best = id;
  }
  return best;
}

const Store& ConditionCheck::store(NodeId node) const { return replicas_[of(node)].store; }

std::optional<versions::KeyValue> ConditionCheck::pair(const std::string& key, NodeId node) const {
  const auto& store = std::as_const(replicas_).versions()->operator[](of(node)).store;
  return store.at(key, store.revision());
}

bool ConditionCheck::holds(const KeyExists& it) const {
  if (replicas_.versions() != nullptr) return pair(it.key, it.node).has_value();
  return store(it.node).get(it.key, false, false).has_value();
}

bool ConditionCheck::holds(const KeyAbsent& it) const { return !holds(KeyExists{it.key, it.node}); }

bool ConditionCheck::holds(const KeyHasValue& it) const {
  if (replicas_.versions() != nullptr) {
    const auto found = pair(it.key, it.node);
    return found && found->value == it.value;
  }
  const auto found = store(it.node).get(it.key, false, false);
  return found && !found->entry->directory && found->entry->value == it.value;
}

bool ConditionCheck::holds(const JournalHas& it) const { return journal_.count(it.match) >= it.at_least; }

bool ConditionCheck::holds(const LeaderIs& it) const {
  return consensus_.can_commit() && (it.node == 0 || consensus_.leader() == it.node);
}

bool ConditionCheck::holds(const WatchesOpen& it) const {
  const std::uint64_t count = watches(it);
  return count >= it.at_least && count <= it.at_most;
}

std::string ConditionCheck::key_text(const std::string& key, NodeId node) const {
  const std::string where = node == 0 ? "" : " at node " + std::to_string(node);
  if (replicas_.versions() != nullptr) {
    const auto found = pair(key, node);
    return quoted(key) + (found ? " has the value " + quoted(found->value) : " is not there") + where;
  }
  const Store& of = store(node);
  if (const auto found = of.get(key, false, false)) {
    if (found->entry->directory) return quoted(key) + " is a directory" + where;
    return quoted(key) + " has the value " + quoted(found->entry->value) + where;
  }
  std::string nearest = key;
  while (nearest.size() > 1 && !of.get(nearest, false, false))
    nearest.resize(std::max<std::size_t>(nearest.rfind('/'), 1));
  return quoted(key) + " is not there" + where + "; the nearest that is: " + quoted(nearest);
}

std::string ConditionCheck::truth(const JournalHas& it) const {
  return journal_.verify(it.match, {.at_least = it.at_least}).text;
}

std::string ConditionCheck::truth(const LeaderIs& /*it*/) const {
  if (!consensus_.can_commit()) return "nobody leads a majority, in term " + std::to_string(consensus_.term());
  return "node " + std::to_string(consensus_.leader()) + " leads, in term " + std::to_string(consensus_.term());
}

std::string ConditionCheck::truth(const WatchesOpen& it) const {
  std::string text = "open watches" + (it.key.empty() ? "" : " of " + it.key) + ":";
  for (NodeId id = 1; id <= consensus_.size(); ++id) {
    if (it.node != 0 && it.node != id) continue;
    WatchesOpen of_node = it;
    of_node.node = id;
    text += " " + std::to_string(watches(of_node)) + " at node " + std::to_string(id) + ",";
  }
  text.pop_back();
  return text;
}

std::uint64_t ConditionCheck::watches(const WatchesOpen& it) const {
  const Pattern pattern(it.key);
  std::uint64_t count = 0;
  for (NodeId id = 1; id <= consensus_.size(); ++id) {
    if (it.node != 0 && it.node != id) continue;
    if (const VersionReplicas* versions = replicas_.versions()) {
      count +=
          (*versions)[id].streams.count([&](const std::string& key) { return it.key.empty() || pattern.matches(key); });
      continue;
    }
    if (it.key.empty()) {
      count += replicas_[id].store.watchers();
      continue;
    }
    for (const WatcherId watcher :
         replicas_[id].watches.of([&](const std::string& key) { return pattern.matches(key); })) {
      count += replicas_[id].store.watches(watcher) ? 1 : 0;
    }
  }
  return count;
}

}  // namespace deimos::fake

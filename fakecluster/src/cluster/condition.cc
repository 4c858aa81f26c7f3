#include <deimos/fake/condition.h>

#include <array>
#include <stdexcept>

#include "store/key_check.h"

namespace deimos::fake {
namespace {

std::string at_node(NodeId node) { return node == 0 ? "" : " at node " + std::to_string(node); }

struct Describe {
  std::string operator()(const KeyExists& it) const { return "'" + it.key + "' is there" + at_node(it.node); }
  std::string operator()(const KeyAbsent& it) const { return "'" + it.key + "' is not there" + at_node(it.node); }
  std::string operator()(const KeyHasValue& it) const {
    return "'" + it.key + "' has the value '" + it.value + "'" + at_node(it.node);
  }
  std::string operator()(const JournalHas& it) const {
    return "the journal has at least " + std::to_string(it.at_least) + ": " + describe(it.match);
  }
  std::string operator()(const LeaderIs& it) const {
    return it.node == 0 ? "some node leads" : "node " + std::to_string(it.node) + " leads";
  }
  std::string operator()(const WatchesOpen& it) const {
    std::string text = "at least " + std::to_string(it.at_least);
    if (it.at_most != WatchesOpen{}.at_most) {
      text = it.at_least == it.at_most ? "exactly " : text + " and at most ";
      text += std::to_string(it.at_most);
    }
    text += it.at_most == 1 ? " watch" : " watches";
    return text + (it.key.empty() ? "" : " of " + it.key) + " open" + at_node(it.node);
  }
};

struct Check {
  NodeId nodes;
  void node(NodeId id) const {
    if (id <= nodes) return;
    throw std::invalid_argument("there is no node " + std::to_string(id) + " in a cluster of " + std::to_string(nodes));
  }
  template <typename OfKey>
  void operator()(const OfKey& it) const {
    node(it.node);
    check_key(it.key);
  }
  void operator()(const JournalHas& it) const { validate(it.match, nodes); }
  void operator()(const LeaderIs& it) const { node(it.node); }
  void operator()(const WatchesOpen& it) const {
    node(it.node);
    if (it.at_least > it.at_most) throw std::invalid_argument("at least more than at most can never hold");
    if (it.key.size() > longest_pattern) {
      throw std::invalid_argument("a pattern of " + std::to_string(it.key.size()) + " bytes");
    }
  }
};

}  // namespace

std::string_view name_of(const Condition& condition) noexcept {
  constexpr std::array<std::string_view, std::variant_size_v<Condition>> names{
      "key_exists", "key_absent", "key_has_value", "journal_has", "leader_is", "watches_open"};
  return names[condition.index()];
}

std::string describe(const Condition& condition) { return std::visit(Describe{}, condition); }

void validate(const Condition& condition, NodeId nodes) { std::visit(Check{nodes}, condition); }

}  // namespace deimos::fake

#include "faults/rule_chain.h"

#include <algorithm>
#include <utility>

#include "faults/pattern.h"

namespace deimos::fake {
namespace {

bool matches(const Match& match, const SeenRequest& seen) {
  if (match.node != 0 && match.node != seen.node) return false;
  if (!match.method.empty() && match.method != seen.method) return false;
  if (!match.client.empty() && !pattern_matches(match.client, seen.client)) return false;
  if (!match.key.empty() && (!seen.has_key() || !pattern_matches(match.key, seen.target.path))) {
    return false;
  }
  return match.parameter.empty() || seen.target.query.find(match.parameter) != std::string_view::npos ||
         seen.request.body.find(match.parameter) != std::string::npos;
}

/// Whether the rule is to act on a request that matches; `status` counts it already.
bool is_due(const RuleStatus& status, internal::RandomStream& random) {
  const Match& match = status.rule.match;
  if (match.nth != 0 && status.matched != match.nth) return false;
  if (status.matched <= match.after) return false;
  if (match.every > 1 && (status.matched - match.after) % match.every != 0) return false;
  if (match.times != 0 && status.acted >= match.times) return false;
  return random.chance(match.probability);
}

}  // namespace

RuleChain::RuleChain(std::uint64_t seed) noexcept : random_(seed, "rules") {}

RuleId RuleChain::add(Rule rule) {
  chain_.push_back({{++last_, std::move(rule), 0, 0}, false});
  return last_;
}

std::vector<RuleId> RuleChain::remove(RuleId rule) {
  const auto removed = std::erase_if(chain_, [&](const Link& link) { return link.status.id == rule; });
  return std::vector<RuleId>(removed, rule);
}

std::vector<RuleId> RuleChain::remove_named(std::string_view name) {
  std::vector<RuleId> removed;
  std::erase_if(chain_, [&](const Link& link) {
    if (!name.empty() && link.status.rule.name != name) return false;
    removed.push_back(link.status.id);
    return true;
  });
  return removed;
}

std::vector<RuleStatus> RuleChain::status() const {
  std::vector<RuleStatus> all;
  all.reserve(chain_.size());
  for (const Link& link : chain_) all.push_back(link.status);
  return all;
}

std::optional<RuleChain::Decision> RuleChain::decide(const SeenRequest& seen) {
  for (Link& link : chain_) {
    if (!matches(link.status.rule.match, seen)) continue;
    ++link.status.matched;
    if (link.holding) return Decision{link.status.id, link.status.rule.name, Pass{}, true};
    if (!is_due(link.status, random_)) continue;
    ++link.status.acted;
    if (std::holds_alternative<Count>(link.status.rule.action)) continue;
    link.holding = std::holds_alternative<Reorder>(link.status.rule.action);
    return Decision{link.status.id, link.status.rule.name, link.status.rule.action, false};
  }
  return std::nullopt;
}

void RuleChain::released(RuleId rule) {
  for (Link& link : chain_) {
    if (link.status.id == rule) link.holding = false;
  }
}

}  // namespace deimos::fake

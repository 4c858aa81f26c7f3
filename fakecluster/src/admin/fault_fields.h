// The fields of faults, rules and states, each with the name that JSON has for it: one list for writing and reading.
#pragma once

#include <tuple>
#include <type_traits>

#include <deimos/fake/cluster_state.h>
#include <deimos/fake/fault.h>
#include <deimos/fake/rule.h>

#include "admin/json_fields.h"

namespace deimos::fake {

template <>
inline constexpr const char* object_name<Rule> = "rule";
template <>
inline constexpr const char* object_name<Match> = "match";

/// Those that a node alone names, those that are nothing but a kind, and the rest one by one.
template <typename T>
constexpr auto fields_of() {
  if constexpr (requires { &T::node; } && sizeof(T) == sizeof(NodeId)) {
    return std::tuple(JsonField{"node", &T::node});
  } else {
    static_assert(std::is_empty_v<T>, "every fault, action and state lists its fields here");
    return std::tuple();
  }
}

template <>
constexpr auto fields_of<Partition>() {
  return std::tuple(JsonField{"groups", &Partition::groups});
}
template <>
constexpr auto fields_of<CutLink>() {
  return std::tuple(JsonField{"from", &CutLink::from}, JsonField{"to", &CutLink::to});
}
template <>
constexpr auto fields_of<MendLink>() {
  return std::tuple(JsonField{"from", &MendLink::from}, JsonField{"to", &MendLink::to});
}
template <>
constexpr auto fields_of<Lag>() {
  return std::tuple(JsonField{"node", &Lag::node}, JsonField{"least", &Lag::least}, JsonField{"most", &Lag::most});
}
template <>
constexpr auto fields_of<Restart>() {
  return std::tuple(JsonField{"node", &Restart::node}, JsonField{"from_snapshot", &Restart::from_snapshot},
                    JsonField{"behind", &Restart::behind});
}
template <>
constexpr auto fields_of<SkewClock>() {
  return std::tuple(JsonField{"node", &SkewClock::node}, JsonField{"offset", &SkewClock::offset});
}
template <>
constexpr auto fields_of<StepClock>() {
  return std::tuple(JsonField{"node", &StepClock::node}, JsonField{"by", &StepClock::by});
}
template <>
constexpr auto fields_of<SetClockRate>() {
  return std::tuple(JsonField{"node", &SetClockRate::node}, JsonField{"rate", &SetClockRate::rate});
}
template <>
constexpr auto fields_of<SkipSweeps>() {
  return std::tuple(JsonField{"duration", &SkipSweeps::duration});
}
template <>
constexpr auto fields_of<ExpireKey>() {
  return std::tuple(JsonField{"key", &ExpireKey::key});
}
template <>
constexpr auto fields_of<ForgetWatchers>() {
  return std::tuple(JsonField{"node", &ForgetWatchers::node}, JsonField{"key", &ForgetWatchers::key});
}
template <>
constexpr auto fields_of<ChangeLeader>() {
  return std::tuple(JsonField{"to", &ChangeLeader::to});
}
template <>
constexpr auto fields_of<AddRule>() {
  return std::tuple(JsonField{"rule", &AddRule::rule});
}
template <>
constexpr auto fields_of<RemoveRules>() {
  return std::tuple(JsonField{"name", &RemoveRules::name});
}

template <>
constexpr auto fields_of<Match>() {
  return std::tuple(JsonField{"client", &Match::client}, JsonField{"node", &Match::node},
                    JsonField{"method", &Match::method}, JsonField{"key", &Match::key},
                    JsonField{"parameter", &Match::parameter}, JsonField{"nth", &Match::nth},
                    JsonField{"every", &Match::every}, JsonField{"times", &Match::times},
                    JsonField{"probability", &Match::probability}, JsonField{"after", &Match::after});
}
template <>
constexpr auto fields_of<Delay>() {
  return std::tuple(JsonField{"least", &Delay::least}, JsonField{"most", &Delay::most},
                    JsonField{"answer", &Delay::answer});
}
template <>
constexpr auto fields_of<Duplicate>() {
  return std::tuple(JsonField{"copies", &Duplicate::copies}, JsonField{"least", &Duplicate::least},
                    JsonField{"most", &Duplicate::most});
}
template <>
constexpr auto fields_of<Reorder>() {
  return std::tuple(JsonField{"at_most", &Reorder::at_most});
}
template <>
constexpr auto fields_of<Answer>() {
  return std::tuple(JsonField{"status", &Answer::status}, JsonField{"error_code", &Answer::error_code},
                    JsonField{"body", &Answer::body}, JsonField{"content_type", &Answer::content_type},
                    JsonField{"headers", &Answer::headers});
}
template <>
constexpr auto fields_of<TruncateBody>() {
  return std::tuple(JsonField{"bytes", &TruncateBody::bytes});
}
template <>
constexpr auto fields_of<ResetAfter>() {
  return std::tuple(JsonField{"bytes", &ResetAfter::bytes});
}
template <>
constexpr auto fields_of<Rule>() {
  return std::tuple(JsonField{"name", &Rule::name}, JsonField{"match", &Rule::match},
                    JsonField{"action", &Rule::action});
}

template <>
constexpr auto fields_of<RuleStatus>() {
  return std::tuple(JsonField{"id", &RuleStatus::id}, JsonField{"rule", &RuleStatus::rule},
                    JsonField{"matched", &RuleStatus::matched}, JsonField{"acted", &RuleStatus::acted});
}
template <>
constexpr auto fields_of<NodeState>() {
  return std::tuple(JsonField{"id", &NodeState::id}, JsonField{"name", &NodeState::name},
                    JsonField{"client_url", &NodeState::client_url}, JsonField{"running", &NodeState::running},
                    JsonField{"paused", &NodeState::paused}, JsonField{"role", &NodeState::role},
                    JsonField{"leader", &NodeState::leader}, JsonField{"term", &NodeState::term},
                    JsonField{"index", &NodeState::index}, JsonField{"applied", &NodeState::applied},
                    JsonField{"reaches", &NodeState::reaches}, JsonField{"clock_offset", &NodeState::clock_offset},
                    JsonField{"clock_rate", &NodeState::clock_rate}, JsonField{"watchers", &NodeState::watchers},
                    JsonField{"waiting", &NodeState::waiting}, JsonField{"keys", &NodeState::keys},
                    JsonField{"requests", &NodeState::requests});
}
template <>
constexpr auto fields_of<ClusterState>() {
  return std::tuple(JsonField{"now", &ClusterState::now}, JsonField{"leader", &ClusterState::leader},
                    JsonField{"term", &ClusterState::term}, JsonField{"committed", &ClusterState::committed},
                    JsonField{"pending", &ClusterState::pending},
                    JsonField{"scheduled_faults", &ClusterState::scheduled_faults},
                    JsonField{"nodes", &ClusterState::nodes}, JsonField{"rules", &ClusterState::rules});
}

}  // namespace deimos::fake

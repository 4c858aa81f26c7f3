// The fields of faults, rules and states, each with the name that JSON has for it: one list for writing and reading.
#pragma once

#include <tuple>
#include <type_traits>

#include <deimos/fake/cluster_state.h>
#include <deimos/fake/fault.h>
#include <deimos/fake/rule.h>

namespace deimos::fake {

template <typename Owner, typename Value>
struct Field {
  const char* name;
  Value Owner::*member;
};
template <typename Owner, typename Value>
Field(const char*, Value Owner::*) -> Field<Owner, Value>;

/// The fields of a T: those that a node alone names, those that are nothing but a kind, and the rest one by one.
template <typename T>
constexpr auto fields_of() {
  if constexpr (requires { &T::node; } && sizeof(T) == sizeof(NodeId)) {
    return std::tuple(Field{"node", &T::node});
  } else {
    static_assert(std::is_empty_v<T>, "every fault, treatment and state lists its fields here");
    return std::tuple();
  }
}

template <>
constexpr auto fields_of<Partition>() {
  return std::tuple(Field{"groups", &Partition::groups});
}
template <>
constexpr auto fields_of<CutLink>() {
  return std::tuple(Field{"from", &CutLink::from}, Field{"to", &CutLink::to});
}
template <>
constexpr auto fields_of<MendLink>() {
  return std::tuple(Field{"from", &MendLink::from}, Field{"to", &MendLink::to});
}
template <>
constexpr auto fields_of<Lag>() {
  return std::tuple(Field{"node", &Lag::node}, Field{"least", &Lag::least}, Field{"most", &Lag::most});
}
template <>
constexpr auto fields_of<Restart>() {
  return std::tuple(Field{"node", &Restart::node}, Field{"from_snapshot", &Restart::from_snapshot});
}
template <>
constexpr auto fields_of<SkewClock>() {
  return std::tuple(Field{"node", &SkewClock::node}, Field{"offset", &SkewClock::offset});
}
template <>
constexpr auto fields_of<StepClock>() {
  return std::tuple(Field{"node", &StepClock::node}, Field{"by", &StepClock::by});
}
template <>
constexpr auto fields_of<SetClockRate>() {
  return std::tuple(Field{"node", &SetClockRate::node}, Field{"rate", &SetClockRate::rate});
}
template <>
constexpr auto fields_of<SkipSweeps>() {
  return std::tuple(Field{"duration", &SkipSweeps::duration});
}
template <>
constexpr auto fields_of<ExpireKey>() {
  return std::tuple(Field{"key", &ExpireKey::key});
}
template <>
constexpr auto fields_of<ForgetWatchers>() {
  return std::tuple(Field{"node", &ForgetWatchers::node}, Field{"key", &ForgetWatchers::key});
}
template <>
constexpr auto fields_of<ChangeLeader>() {
  return std::tuple(Field{"to", &ChangeLeader::to});
}
template <>
constexpr auto fields_of<AddRule>() {
  return std::tuple(Field{"rule", &AddRule::rule});
}
template <>
constexpr auto fields_of<RemoveRules>() {
  return std::tuple(Field{"name", &RemoveRules::name});
}

template <>
constexpr auto fields_of<Match>() {
  return std::tuple(Field{"client", &Match::client}, Field{"node", &Match::node}, Field{"method", &Match::method},
                    Field{"key", &Match::key}, Field{"parameter", &Match::parameter}, Field{"nth", &Match::nth},
                    Field{"every", &Match::every}, Field{"times", &Match::times},
                    Field{"probability", &Match::probability});
}
template <>
constexpr auto fields_of<Delay>() {
  return std::tuple(Field{"least", &Delay::least}, Field{"most", &Delay::most}, Field{"answer", &Delay::answer});
}
template <>
constexpr auto fields_of<Duplicate>() {
  return std::tuple(Field{"copies", &Duplicate::copies}, Field{"least", &Duplicate::least},
                    Field{"most", &Duplicate::most});
}
template <>
constexpr auto fields_of<Reorder>() {
  return std::tuple(Field{"at_most", &Reorder::at_most});
}
template <>
constexpr auto fields_of<Answer>() {
  return std::tuple(Field{"status", &Answer::status}, Field{"error_code", &Answer::error_code},
                    Field{"body", &Answer::body}, Field{"content_type", &Answer::content_type});
}
template <>
constexpr auto fields_of<TruncateBody>() {
  return std::tuple(Field{"bytes", &TruncateBody::bytes});
}
template <>
constexpr auto fields_of<ResetAfter>() {
  return std::tuple(Field{"bytes", &ResetAfter::bytes});
}
template <>
constexpr auto fields_of<Rule>() {
  return std::tuple(Field{"name", &Rule::name}, Field{"match", &Rule::match}, Field{"treatment", &Rule::treatment});
}

template <>
constexpr auto fields_of<RuleStatus>() {
  return std::tuple(Field{"id", &RuleStatus::id}, Field{"rule", &RuleStatus::rule},
                    Field{"matched", &RuleStatus::matched}, Field{"acted", &RuleStatus::acted});
}
template <>
constexpr auto fields_of<NodeState>() {
  return std::tuple(
      Field{"id", &NodeState::id}, Field{"name", &NodeState::name}, Field{"client_url", &NodeState::client_url},
      Field{"running", &NodeState::running}, Field{"paused", &NodeState::paused}, Field{"role", &NodeState::role},
      Field{"leader", &NodeState::leader}, Field{"term", &NodeState::term}, Field{"index", &NodeState::index},
      Field{"applied", &NodeState::applied}, Field{"reaches", &NodeState::reaches},
      Field{"clock_offset", &NodeState::clock_offset}, Field{"clock_rate", &NodeState::clock_rate},
      Field{"watchers", &NodeState::watchers}, Field{"waiting", &NodeState::waiting}, Field{"keys", &NodeState::keys},
      Field{"requests", &NodeState::requests});
}
template <>
constexpr auto fields_of<ClusterState>() {
  return std::tuple(Field{"now", &ClusterState::now}, Field{"leader", &ClusterState::leader},
                    Field{"term", &ClusterState::term}, Field{"committed", &ClusterState::committed},
                    Field{"pending", &ClusterState::pending},
                    Field{"scheduled_faults", &ClusterState::scheduled_faults}, Field{"nodes", &ClusterState::nodes},
                    Field{"rules", &ClusterState::rules});
}

}  // namespace deimos::fake

// What a cluster shows of itself.
#include <utility>

#include "cluster/cluster_call.h"
#include "cluster/cluster_core.h"

namespace deimos::fake {

NodeId ClusterCore::leader() {
  const internal::LocalMutexLock lock(mutex_);
  return can_commit_ ? leader_ : 0;
}

std::uint64_t ClusterCore::term() {
  const internal::LocalMutexLock lock(mutex_);
  return term_;
}

std::vector<RuleStatus> ClusterCore::rules() {
  const internal::LocalMutexLock lock(mutex_);
  return rules_.status();
}

NodeStatistics ClusterCore::statistics(NodeId node) {
  const internal::LocalMutexLock lock(mutex_);
  Replica& at = replica(node);
  catch_up(at);
  return {at.store.index(), at.store.size(), at.store.watchers(), at.requests};
}

void ClusterCore::set_observer(AuditObserver observer) {
  const internal::LocalMutexLock lock(mutex_);
  observer_ = std::move(observer);
}

void ClusterCore::on_incident(IncidentObserver observer) {
  const internal::LocalMutexLock lock(mutex_);
  incident_observer_ = std::move(observer);
}

std::string_view to_string(Incident::Kind kind) noexcept {
  switch (kind) {
    case Incident::Kind::fault: return "fault";
    case Incident::Kind::election: return "election";
    case Incident::Kind::quorum: return "quorum";
    case Incident::Kind::rule: return "rule";
  }
  return "";
}

std::optional<Applied> ClusterCore::applied(std::uint64_t request) {
  const internal::LocalMutexLock lock(mutex_);
  const auto found = applied_.find(request);
  if (found == applied_.end()) return std::nullopt;
  return found->second;
}

ClusterState ClusterCore::state() {
  const internal::LocalMutexLock lock(mutex_);
  catch_up_all();
  ClusterState state;
  state.now = now();
  state.leader = can_commit_ ? leader_ : 0;
  state.term = term_;
  state.committed = log_.last();
  state.pending = pending_.size();
  state.scheduled_faults = scheduled_.size();
  state.rules = rules_.status();
  for (const auto& at : replicas_) {
    NodeState node;
    node.id = at->id;
    node.name = at->options.name;
    node.client_url = at->options.client_url;
    node.running = at->running;
    node.paused = at->paused;
    node.role = at->role;
    node.leader = at->leader;
    node.term = at->term;
    node.index = at->store.index();
    node.applied = at->applied;
    for (NodeId other = 1; other <= size(); ++other) {
      if (other != at->id && links_.whole(at->id, other)) node.reaches.push_back(other);
    }
    node.clock_offset = at->clock.at(state.now) - state.now;
    node.clock_rate = static_cast<double>(at->clock.rate()) / static_cast<double>(NodeClock::true_rate);
    node.watchers = at->store.watchers();
    node.waiting = at->waiting.size() + at->undelivered.size();
    node.keys = at->store.size();
    node.requests = at->requests;
    state.nodes.push_back(std::move(node));
  }
  return state;
}

}  // namespace deimos::fake

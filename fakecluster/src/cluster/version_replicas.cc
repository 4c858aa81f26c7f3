#include "cluster/version_replicas.h"

#include <chrono>
#include <utility>
#include <variant>

#include "protocol/gateway_refusal.h"
#include "versions/transaction.h"

namespace deimos::fake {

using namespace versions;

VersionReplicas::VersionReplicas(ClusterContext& context, Consensus& consensus, const MemberList& members)
    : context_(context),
      consensus_(consensus),
      members_(members),
      cluster_id_(std::stoull(members.cluster_id(), nullptr, 16)) {
  const NodeLimits& limits = context.options.limits;
  for (NodeId node = 1; node <= context.options.nodes; ++node) {
    replicas_.push_back({VersionStore(limits.version_bytes), EventStreams(limits.watch_backlog)});
  }
}

GatewayAnswers VersionReplicas::answers(NodeId node) const {
  return GatewayAnswers({cluster_id_, member_id(members_[node]), consensus_.member(node).term});
}

bool VersionReplicas::leads(NodeId node) const noexcept { return consensus_.member(node).role == Role::leader; }

Instant VersionReplicas::clock_of(NodeId node) const { return consensus_.member(node).clock.at(context_.now()); }

Lessor& VersionReplicas::lessor(NodeId leader) {
  const Member& member = consensus_.member(leader);
  const ClusterOptions& options = context_.options;
  (*this)[leader].lessor.lead(member.term, member.clock.at(member.leader_since),
                              options.election_ticks_least * options.tick, (*this)[leader].store.leases());
  return (*this)[leader].lessor;
}

VersionReplicas::Outcome VersionReplicas::apply(NodeId node, const Change& change, std::vector<VersionEvent>* events) {
  Replica& at = (*this)[node];
  Lessor* const lessor = leads(node) ? &this->lessor(node) : nullptr;
  const Outcome outcome = Transaction::apply(at.store, change, [&](const std::vector<VersionEvent>& made) {
    if (!at.streams.empty()) at.streams.tell(made, {at.store, answers(node)});
    if (events != nullptr) *events = made;
  });
  if (lessor == nullptr || !outcome) return outcome;
  if (const auto* granted = std::get_if<GrantAnswer>(&*outcome)) {
    lessor->renew(granted->id, granted->ttl, clock_of(node));
  } else if (const auto* revoked = std::get_if<RevokeRequest>(&change)) {
    lessor->forget(revoked->id);
  }
  return outcome;
}

void VersionReplicas::restore(NodeId node, NodeId source) {
  (*this)[node].streams.break_all();
  (*this)[node].store = (*this)[source].store;
}

Response VersionReplicas::answer(NodeId node, const Outcome& outcome) const {
  if (!outcome) return refusal_answer(refusal_of(outcome.error()));
  const GatewayAnswers answers = this->answers(node);
  return gateway_success(std::visit([&](const auto& answer) { return answers.text(answer); }, *outcome));
}

Response VersionReplicas::read(NodeId node, const GatewayRequest& request) const {
  const VersionStore& store = (*this)[node].store;
  const auto answer_of = [&](const auto& answer) {
    return answer ? gateway_success(answers(node).text(*answer)) : refusal_answer(refusal_of(answer.error()));
  };
  if (const auto* range = std::get_if<RangeRequest>(&request)) return answer_of(store.range(*range));
  return answer_of(Transaction::read(store, std::get<TxnRequest>(request)));
}

Response VersionReplicas::tell(NodeId node, const GatewayRequest& request) const {
  const Replica& at = (*this)[node];
  const GatewayAnswers answers = this->answers(node);
  if (std::holds_alternative<MemberListRequest>(request)) {
    return gateway_success(answers.text(members_, consensus_.size()));
  }
  if (std::holds_alternative<LeasesRequest>(request)) {
    std::vector<std::int64_t> leases;
    if (leads(node)) leases = at.lessor.in_order();
    if (leases.size() != at.store.leases().size()) {
      leases.clear();
      for (const auto& [id, lease] : at.store.leases()) leases.push_back(id);
    }
    return gateway_success(answers.leases_text(leases, at.store.revision()));
  }
  const NodeId leader = consensus_.member(node).leader;
  const StatusAnswer status{leader == 0 ? 0 : member_id(members_[leader]), consensus_.member(node).raft_index,
                            at.store.bytes()};
  return gateway_success(answers.text(status, at.store.revision()));
}

Response VersionReplicas::ask(NodeId node, NodeId leader, const KeepAliveRequest& request) {
  const VersionStore& store = (*this)[leader].store;
  Lessor& lessor = this->lessor(leader);
  std::string body;
  for (const std::int64_t id : request.ids) {
    KeepAliveAnswer answer{id};
    const auto lease = store.leases().find(id);
    // One that has ended, and waits to be revoked, is over.
    const Instant now = clock_of(leader);
    if (lease != store.leases().end() && lessor.end_of(id) > now) {
      answer.ttl = lease->second.ttl;
      lessor.renew(id, answer.ttl, now);
    }
    body += stream_message(answers(node).text(answer, (*this)[node].store.revision()));
  }
  // A stream without a message has no head of gRPC's.
  if (body.empty()) return {200, {{"Content-Type", "application/json"}}, {}};
  return gateway_success(std::move(body));
}

Response VersionReplicas::ask(NodeId node, NodeId leader, const TimeToLiveRequest& request) {
  const VersionStore& store = (*this)[leader].store;
  TimeToLiveAnswer answer{request.id};
  const auto lease = store.leases().find(request.id);
  const auto end = lessor(leader).end_of(request.id);
  if (lease != store.leases().end() && end) {
    answer.ttl = std::chrono::duration_cast<std::chrono::seconds>(*end - clock_of(leader)).count();
    answer.granted_ttl = lease->second.ttl;
    if (request.keys) answer.keys.assign(lease->second.keys.begin(), lease->second.keys.end());
  }
  return gateway_success(answers(node).text(answer, (*this)[node].store.revision()));
}

EventStreams::StreamId VersionReplicas::open_stream(NodeId node, std::shared_ptr<Reply> reply,
                                                    const WatchRequest& request, const std::string& refusal) {
  Replica& at = (*this)[node];
  return at.streams.open(std::move(reply), request, refusal, {at.store, answers(node)}, context_.now());
}

void VersionReplicas::tell_progress(NodeId node) {
  Replica& at = (*this)[node];
  at.streams.tell_progress(at.streams.next_progress().second, {at.store, answers(node)});
}

Instant VersionReplicas::next_lease_end(NodeId leader) { return lessor(leader).next_end(); }

std::vector<std::int64_t> VersionReplicas::ended_leases(NodeId leader, Instant now) {
  constexpr std::size_t most_at_once = 500;
  return lessor(leader).ended(now, most_at_once);
}

}  // namespace deimos::fake

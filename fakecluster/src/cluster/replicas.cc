#include "cluster/replicas.h"

#include <string>

#include <deimos/internal/assert.h>
#include <deimos/internal/saturating_time.h>
#include "cluster/version_audit.h"
#include "protocol/gateway_refusal.h"
#include "protocol/member_record.h"
#include "protocol/node_page.h"

namespace deimos::fake {
namespace {

/// Watchers get their events; and every event is noted.
class AuditedSink final : public EventSink {
 public:
  explicit AuditedSink(EventSink& watches) : watches_(watches) {}
  bool deliver(WatcherId watcher, const Event& event) override { return watches_.deliver(watcher, event); }
  void made(const Event& event) override { events.push_back(event); }
  std::vector<Event> events;

 private:
  EventSink& watches_;
};

bool compares(const Command& command) {
  switch (command.kind) {
    case Command::Kind::create:
    case Command::Kind::compare_and_swap:
    case Command::Kind::compare_and_delete: return true;
    default: return false;
  }
}

/// With what the options leave open.
std::vector<MemberOptions> member_options(const ClusterOptions& cluster) {
  std::vector<MemberOptions> members = cluster.members;
  members.resize(cluster.nodes);
  for (NodeId id = 1; id <= cluster.nodes; ++id) {
    MemberOptions& member = members[id - 1];
    const auto url = [&](NodeId base) { return "http://127.0.0.1:" + std::to_string(base + id); };
    if (member.name.empty()) member.name = "node" + std::to_string(id);
    if (member.client_url.empty()) member.client_url = url(4000);
    if (member.peer_url.empty()) member.peer_url = url(7000);
  }
  return members;
}

Response gateway_timed_out() {
  return refusal_answer({GatewayRefusal::Code::unavailable, "etcdserver: request timed out"});
}

}  // namespace

Replicas::Replicas(ClusterContext& context, Consensus& consensus)
    : context_(context),
      consensus_(consensus),
      started_(context.now()),
      members_(member_options(context.options)),
      answers_(keys_dialect(context.options.dialect), members_.cluster_id()) {
  for (NodeId id = 1; id <= context.options.nodes; ++id) {
    replicas_.push_back(std::make_unique<Replica>(context.options));
  }
  make_members();
  if (context.options.dialect == Dialect::etcd3) versions_.emplace(context, consensus, members_);
}

/// Each member is created, then each publishes its name. A real log holds a change of configuration for each before.
void Replicas::make_members() {
  const KeysDialect& dialect = answers_.dialect();
  for (const auto& at : replicas_) {
    at->counts.count_members(replicas_.size());
    if (!dialect.has_member_records) {
      while (at->store.index() < dialect.changes.of(context_.options.nodes)) at->store.skip_index();
      continue;
    }
    for (const std::size_t step : {std::size_t{0}, std::size_t{1}}) {
      for (NodeId id = 1; id <= context_.options.nodes; ++id) {
        at->store.apply(member_record(members_[id])[step], context_.now(), at->watches);
      }
    }
  }
}

std::uint64_t Replicas::propose(NodeId node, const Origin& origin, Proposal proposal, Replica::Waiting waiting) {
  const std::uint64_t id = proposal.id = ++last_proposal_;
  proposal.accepted_by = node;
  proposal.accepted_at = context_.now();
  proposal.client = origin.client;
  proposal.request = origin.request;
  proposing_ = id;
  proposer_ = &waiting;
  consensus_.propose(node, std::move(proposal));
  proposing_ = 0;
  proposer_ = nullptr;
  return waiting.reply ? file(node, id, std::move(waiting)) : 0;
}

std::uint64_t Replicas::file(NodeId node, std::uint64_t id, Replica::Waiting waiting) {
  waiting.timeout =
      context_.events.add(context_.now() + context_.options.request_timeout, [this, node, id] { time_out(node, id); });
  (*this)[node].waiting.emplace(id, std::move(waiting));
  return id;
}

std::uint64_t Replicas::wait(NodeId node, Replica::Waiting waiting) {
  return file(node, ++last_proposal_, std::move(waiting));
}

void Replicas::answer_waiting(NodeId node, std::uint64_t proposal, Response response) {
  const std::optional<Replica::Waiting> waiting = take_waiting(node, proposal);
  if (waiting) waiting->reply->answer(std::move(response), false);
}

void Replicas::apply(NodeId node, LogEntry& entry, Instant when, bool first) {
  Replica& at = (*this)[node];
  Proposal& proposal = entry.proposal;
  if (proposal.load) return at.store.load(*proposal.load, proposal.accepted_at);
  if (proposal.versions) return apply_versions(node, entry, first);
  if (!proposal.command) return answer(node, proposal, nullptr);
  const Instant shown = consensus_.member(node).clock.at(when);
  const Command::Kind kind = proposal.command->kind;
  const std::uint64_t index = at.store.index();
  const Outcome outcome = apply_to_store(node, entry, shown, first);
  at.counts.count(kind, outcome ? std::nullopt : std::optional(outcome.error().code), at.store.index() - index);
  answer(node, proposal, outcome);
}

Replicas::Outcome Replicas::apply_to_store(NodeId node, LogEntry& entry, Instant shown, bool first) {
  Replica& at = (*this)[node];
  Proposal& proposal = entry.proposal;
  if (first && (context_.observer || proposal.request != 0)) return apply_audited(node, entry, shown);
  // Only a node by itself needs the entry no more.
  return replicas_.size() == 1 ? at.store.apply(std::move(*proposal.command), shown, at.watches)
                               : at.store.apply(*proposal.command, shown, at.watches);
}

Replicas::Outcome Replicas::apply_audited(NodeId node, const LogEntry& entry, Instant shown) {
  Replica& at = (*this)[node];
  AuditedSink sink(at.watches);
  const Outcome outcome = at.store.apply(*entry.proposal.command, shown, sink);
  if (entry.proposal.request != 0) {
    applied_.try_emplace(entry.proposal.request, Applied{entry.committed_at, entry.raft_index, outcome.has_value()});
  }
  if (context_.observer) audit(node, entry, outcome, std::move(sink.events));
  return outcome;
}

void Replicas::audit(NodeId node, const LogEntry& entry, const Outcome& outcome, std::vector<Event> events) {
  const Proposal& proposal = entry.proposal;
  const Command& command = *proposal.command;
  AuditRecord record;
  record.at = entry.committed_at;
  record.log_index = entry.raft_index;
  record.term = entry.term;
  record.accepted_by = command.kind == Command::Kind::sweep ? node : proposal.accepted_by;
  record.accepted_at = proposal.accepted_at;
  record.client = proposal.client;
  record.request = proposal.request;
  record.kind = command.kind;
  record.key = command.key;
  record.value = command.value;
  if (command.kind == Command::Kind::compare_and_swap || command.kind == Command::Kind::compare_and_delete) {
    record.previous_value = command.previous_value;
    record.previous_index = command.previous_index;
  }
  record.compared = compares(command);
  if (!outcome) {
    record.error = outcome.error().code;
    context_.observer(record);
    return;
  }
  for (Event& event : events) {
    if (command.kind == Command::Kind::sweep) record.key = event.key;
    record.event = std::move(event);
    context_.observer(record);
  }
}

void Replicas::apply_versions(NodeId node, const LogEntry& entry, bool first) {
  const Proposal& proposal = entry.proposal;
  std::vector<versions::VersionEvent> events;
  const bool audited = first && context_.observer;
  const auto outcome = versions_->apply(node, *proposal.versions, audited ? &events : nullptr);
  if (first && proposal.request != 0) {
    applied_.try_emplace(proposal.request, Applied{entry.committed_at, entry.raft_index, outcome.has_value()});
  }
  if (audited) {
    for (const AuditRecord& record : audit_records(node, entry, events)) context_.observer(record);
  }
  if (proposal.accepted_by != node || proposal.id == 0) return;
  const std::optional<Replica::Waiting> waiting = take_waiting(node, proposal.id);
  if (waiting) waiting->reply->answer(versions_->answer(node, outcome), false);
}

void Replicas::restore(NodeId node, NodeId source) {
  if (versions_) return versions_->restore(node, source);
  Replica& at = (*this)[node];
  at.watches.break_all();
  at.store = (*this)[source].store;
  at.store.forget_watchers();
  at.store.wipe_history();
}

bool Replicas::observed(NodeId node) const {
  const Replica& at = *replicas_[node - 1];
  DEIMOS_ASSERT(at.store.watchers() <= at.watches.size(), "a watcher in the store has a watch that is open");
  return at.store.watchers() != 0 || !at.waiting.empty() || (versions_ && !(*versions_)[node].streams.empty());
}

AnswerIndices Replicas::indices(NodeId node) {
  const Member& member = consensus_.member(node);
  return {(*this)[node].store.index(), member.raft_index, member.term};
}

Response Replicas::page(NodeId node, Page page) {
  consensus_.catch_up(node);
  const Member& member = consensus_.member(node);
  const Replica& at = (*this)[node];
  NodeView view{.members = members_, .counts = at.counts, .node = node};
  view.can_commit = consensus_.can_commit_for(node);
  if (page == Page::health && view.can_commit) (*this)[node].counts.count_get(true);  // It is a read of the root.
  // A leader without a majority steps down.
  view.leader = member.role == Role::leader && !view.can_commit ? 0 : member.leader;
  view.appended = member.received;
  view.watchers = at.store.watchers();
  view.started = started_;
  view.leader_since = member.leader_since;
  view.now = context_.now();
  for (NodeId other = 1; other <= consensus_.size() && member.role == Role::leader; ++other) {
    if (other == node) continue;
    view.followers.push_back({other, consensus_.member(other).received});
    view.sent += consensus_.member(other).received;
  }
  return node_page(page, view);
}

Response Replicas::listing(NodeId node, const Lookup& lookup) {
  const auto found = (*this)[node].store.get(lookup.key, lookup.recursive, lookup.sorted);
  (*this)[node].counts.count_get(found.has_value());
  if (!found) return answers_.store_error(found.error().code, found.error().cause, found.error().index);
  return answers_.listing(lookup.key, *found, consensus_.member(node).clock.at(context_.now()), indices(node));
}

void Replicas::answer(NodeId node, const Proposal& proposal, const Outcome& outcome) {
  if (proposal.accepted_by != node || proposal.id == 0) return;
  const std::optional<Replica::Waiting> waiting = take_waiting(node, proposal.id);
  if (!waiting) return;
  if (waiting->gateway_read) {
    waiting->reply->answer(versions_->read(node, *waiting->gateway_read), false);
  } else if (waiting->lookup) {
    waiting->reply->answer(listing(node, *waiting->lookup), false);
  } else if (!outcome) {
    const StoreError& error = outcome.error();
    waiting->reply->answer(answers_.store_error(error.code, error.cause, error.index), false);
  } else {
    waiting->reply->answer(answers_.event(**outcome, indices(node), waiting->brief), false);
  }
}

std::optional<Replica::Waiting> Replicas::take_waiting(NodeId node, std::uint64_t proposal) {
  if (proposer_ != nullptr && proposal == proposing_) {
    return std::exchange(*proposer_, {});
  }
  auto& all = (*this)[node].waiting;
  const auto found = all.find(proposal);
  if (found == all.end()) return std::nullopt;
  std::optional<Replica::Waiting> waiting = std::move(found->second);
  all.erase(found);
  context_.events.cancel(waiting->timeout);
  return waiting;
}

void Replicas::abandon(NodeId node, std::uint64_t proposal) {
  if (const auto waiting = take_waiting(node, proposal)) {
    consensus_.withdraw(node, proposal, waiting->reads());
  }
}

void Replicas::time_out(NodeId node, std::uint64_t proposal) {
  auto& all = (*this)[node].waiting;
  const auto found = all.find(proposal);
  if (found == all.end()) return;
  if (consensus_.member(node).paused) {
    found->second.overdue = true;
    return;
  }
  const std::shared_ptr<Reply> reply = found->second.reply;
  abandon(node, proposal);
  reply->answer(versions_ ? gateway_timed_out() : answers_.timed_out(), false);
}

void Replicas::resume(NodeId node) {
  std::vector<std::uint64_t> overdue;
  for (const auto& [proposal, waiting] : (*this)[node].waiting) {
    if (waiting.overdue) overdue.push_back(proposal);
  }
  for (const std::uint64_t proposal : overdue) time_out(node, proposal);
}

void Replicas::crash(NodeId node) {
  Replica& at = (*this)[node];
  at.store.forget_watchers();
  at.watches.break_all();
  if (versions_) (*versions_)[node].streams.break_all();
  while (!at.waiting.empty()) {
    if (const auto waiting = take_waiting(node, at.waiting.begin()->first)) waiting->reply->broken(Delivery::unknown);
  }
}

void Replicas::close(NodeId node, const Response& response) {
  Replica& at = (*this)[node];
  at.store.forget_watchers();
  at.watches.end_all();
  if (versions_) (*versions_)[node].streams.end_all();
  while (!at.waiting.empty()) {
    if (const auto waiting = take_waiting(node, at.waiting.begin()->first)) waiting->reply->answer(response, false);
  }
}

WatcherId Replicas::watch(NodeId node, Watch watch, const std::shared_ptr<Reply>& reply) {
  consensus_.catch_up(node);
  Replica& at = (*this)[node];
  const NodeLimits& limits = context_.options.limits;
  if (watch.since == 0) watch.since = at.store.index() + 1;
  auto past = at.store.past(watch);
  if (!past) {
    reply->answer(answers_.store_error(past.error().code, past.error().cause, past.error().index), false);
    return 0;
  }
  reply->answer(answers_.watch(indices(node)), true);
  for (; past->event != nullptr; past = at.store.past(watch)) {
    const bool slow = reply->backlog() >= limits.watch_backlog;
    if (!slow) reply->chunk(event_text(*past->event, past->expiration));
    if (slow || !watch.stream) {
      reply->end();
      return 0;
    }
    if (answers_.dialect().past_ends_stream) return open_in_vain(node, std::move(watch), reply);
    watch.since = past->event->index + 1;
  }
  return open_watch(node, std::move(watch), reply);
}

WatcherId Replicas::open_watch(NodeId node, Watch watch, const std::shared_ptr<Reply>& reply) {
  Replica& at = (*this)[node];
  const bool stream = watch.stream;
  std::string key = watch.key;
  const WatcherId watcher = at.store.watch(std::move(watch));
  at.watches.add(watcher, reply, std::move(key), stream,
                 internal::saturating_sum(context_.now(), context_.options.limits.watch_timeout));
  return watcher;
}

WatcherId Replicas::open_in_vain(NodeId node, Watch watch, const std::shared_ptr<Reply>& reply) {
  const WatcherId watcher = open_watch(node, std::move(watch), reply);
  (*this)[node].store.unwatch(watcher);
  return watcher;
}

void Replicas::unwatch(NodeId node, WatcherId watcher) {
  if (versions_) return (*versions_)[node].streams.remove(watcher);
  Replica& at = (*this)[node];
  if (at.watches.remove(watcher)) at.store.unwatch(watcher);
}

std::pair<Instant, NodeId> Replicas::next_watch_end() const {
  std::pair<Instant, NodeId> first{Instant::max(), 0};
  for (NodeId node = 1; node <= replicas_.size(); ++node) {
    if (consensus_.member(node).paused) continue;
    const Instant deadline = versions_ ? (*versions_)[node].streams.next_progress().first
                                       : replicas_[node - 1]->watches.first_deadline().first;
    if (deadline < first.first) first = {deadline, node};
  }
  return first;
}

Instant Replicas::next_expiration(NodeId leader) {
  return versions_ ? versions_->next_lease_end(leader) : (*this)[leader].store.next_expiration();
}

std::vector<Proposal> Replicas::expirations(NodeId leader, Instant until) {
  std::vector<Proposal> proposals;
  const auto add = [&]() -> Proposal& {
    Proposal& proposal = proposals.emplace_back();
    proposal.accepted_by = leader;
    proposal.accepted_at = context_.now();
    return proposal;
  };
  if (!versions_) {
    Command& sweep = add().command.emplace();
    sweep.kind = Command::Kind::sweep;
    sweep.sweep_until = until;
    return proposals;
  }
  for (const std::int64_t lease : versions_->ended_leases(leader, until)) {
    add().versions = std::make_shared<const versions::Change>(versions::RevokeRequest{lease});
  }
  return proposals;
}

NodeStatistics Replicas::statistics(NodeId node) const {
  const Replica& at = *replicas_[node - 1];
  if (!versions_) return {at.store.index(), at.store.size(), at.store.watchers(), at.requests};
  const VersionReplicas::Replica& of_versions = (*versions_)[node];
  const auto any = [](const std::string& /*key*/) { return true; };
  return {static_cast<std::uint64_t>(of_versions.store.revision()), of_versions.store.size(),
          of_versions.streams.count(any), at.requests};
}

void Replicas::end_watch(NodeId node) {
  if (versions_) return versions_->tell_progress(node);
  Replica& at = (*this)[node];
  const WatcherId watcher = at.watches.first_deadline().second;
  at.store.unwatch(watcher);
  at.watches.end(watcher);
}

std::optional<Applied> Replicas::applied(std::uint64_t request) const {
  const auto found = applied_.find(request);
  if (found == applied_.end()) return std::nullopt;
  return found->second;
}

}  // namespace deimos::fake

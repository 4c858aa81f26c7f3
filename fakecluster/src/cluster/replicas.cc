#include "cluster/replicas.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include <deimos/internal/assert.h>
#include <deimos/internal/saturating_time.h>
#include "protocol/member_record.h"

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

MemberOptions member_options(const ClusterOptions& cluster, NodeId id) {
  MemberOptions member = id <= cluster.members.size() ? cluster.members[id - 1] : MemberOptions{};
  const auto url = [&](NodeId base) { return "http://127.0.0.1:" + std::to_string(base + id); };
  if (member.name.empty()) member.name = "node" + std::to_string(id);
  if (member.client_url.empty()) member.client_url = url(4000);
  if (member.peer_url.empty()) member.peer_url = url(7000);
  return member;
}

/// Names and URLs tell members apart.
void check_distinct(const std::vector<std::unique_ptr<Replica>>& replicas) {
  for (std::size_t one = 0; one < replicas.size(); ++one) {
    for (std::size_t other = 0; other < one; ++other) {
      const MemberOptions& a = replicas[one]->member;
      const MemberOptions& b = replicas[other]->member;
      if (a.name != b.name && a.client_url != b.client_url && a.peer_url != b.peer_url) continue;
      throw std::invalid_argument("nodes " + std::to_string(other + 1) + " and " + std::to_string(one + 1) +
                                  " have the same name or URL");
    }
  }
}

std::string machines_text(const std::vector<std::unique_ptr<Replica>>& replicas) {
  std::vector<std::string> urls;
  for (const auto& replica : replicas) urls.push_back(replica->member.client_url);
  std::sort(urls.begin(), urls.end());
  std::string text;
  for (const std::string& url : urls) text.append(text.empty() ? "" : ", ").append(url);
  return text;
}

}  // namespace

Replicas::Replicas(ClusterContext& context, Consensus& consensus) : context_(context), consensus_(consensus) {
  for (NodeId id = 1; id <= context.options.nodes; ++id) {
    replicas_.push_back(std::make_unique<Replica>(member_options(context.options, id), context.options));
  }
  check_distinct(replicas_);
  machines_ = machines_text(replicas_);
  // Each member is created, then each publishes its name. A real log holds a change of configuration for each before.
  std::vector<std::array<Command, 2>> records;
  for (const auto& at : replicas_) records.push_back(member_record(at->member));
  for (const auto& at : replicas_) {
    for (const auto& record : records) at->store.apply(record[0], context.now(), at->watches);
    for (const auto& record : records) at->store.apply(record[1], context.now(), at->watches);
  }
}

std::uint64_t Replicas::propose(NodeId node, const Origin& origin, Command* command, Replica::Waiting waiting) {
  Proposal proposal;
  const std::uint64_t id = proposal.id = ++last_proposal_;
  proposal.accepted_by = node;
  proposal.accepted_at = context_.now();
  proposal.client = origin.client;
  proposal.request = origin.request;
  if (command != nullptr) proposal.command.emplace(std::move(*command));
  proposing_ = id;
  proposer_ = &waiting;
  consensus_.propose(node, std::move(proposal));
  proposing_ = 0;
  proposer_ = nullptr;
  if (!waiting.reply) return 0;
  waiting.timeout =
      context_.events.add(context_.now() + context_.options.request_timeout, [this, node, id] { time_out(node, id); });
  (*this)[node].waiting.emplace(id, std::move(waiting));
  return id;
}

void Replicas::apply(NodeId node, LogEntry& entry, Instant when, bool first) {
  Replica& at = (*this)[node];
  Proposal& proposal = entry.proposal;
  if (!proposal.command) return answer(node, proposal, nullptr);
  const Instant shown = consensus_.member(node).clock.at(when);
  if (first && (context_.observer || proposal.request != 0)) {
    return answer(node, proposal, apply_audited(node, entry, shown));
  }
  // Only a node by itself needs the entry no more.
  const Outcome outcome = replicas_.size() == 1 ? at.store.apply(std::move(*proposal.command), shown, at.watches)
                                                : at.store.apply(*proposal.command, shown, at.watches);
  answer(node, proposal, outcome);
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

void Replicas::restore(NodeId node, NodeId source) {
  Replica& at = (*this)[node];
  at.watches.break_all();
  at.store = (*this)[source].store;
  at.store.forget_watchers();
  at.store.wipe_history();
}

bool Replicas::observed(NodeId node) const {
  const Replica& at = *replicas_[node - 1];
  DEIMOS_ASSERT(at.store.watchers() <= at.watches.size(), "a watcher in the store has a watch that is open");
  return at.store.watchers() != 0 || !at.waiting.empty();
}

AnswerIndices Replicas::indices(NodeId node) {
  const Member& member = consensus_.member(node);
  return {(*this)[node].store.index(), member.raft_index, member.term};
}

Response Replicas::listing(NodeId node, const Lookup& lookup) {
  const auto found = (*this)[node].store.get(lookup.key, lookup.recursive, lookup.sorted);
  if (!found) return error_answer(found.error().code, found.error().cause, found.error().index, true);
  return listing_answer(lookup.key, *found, consensus_.member(node).clock.at(context_.now()), indices(node));
}

void Replicas::answer(NodeId node, const Proposal& proposal, const Outcome& outcome) {
  if (proposal.accepted_by != node || proposal.id == 0) return;
  const std::optional<Replica::Waiting> waiting = take_waiting(node, proposal.id);
  if (!waiting) return;
  if (waiting->lookup) {
    waiting->reply->answer(listing(node, *waiting->lookup), false);
  } else if (!outcome) {
    const StoreError& error = outcome.error();
    waiting->reply->answer(error_answer(error.code, error.cause, error.index, true), false);
  } else {
    waiting->reply->answer(event_answer(**outcome, indices(node)), false);
  }
}

std::optional<Replica::Waiting> Replicas::take_waiting(NodeId node, std::uint64_t proposal) {
  if (proposer_ != nullptr && proposal == proposing_) {
    return Replica::Waiting{std::move(proposer_->reply), std::move(proposer_->lookup)};
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
    consensus_.withdraw(node, proposal, waiting->lookup.has_value());
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
  reply->answer(plain_answer(500, "Internal Server Error\nInternal Server Error\n"), false);
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
  while (!at.waiting.empty()) {
    if (const auto waiting = take_waiting(node, at.waiting.begin()->first)) waiting->reply->broken(Delivery::unknown);
  }
}

void Replicas::close(NodeId node, const Response& response) {
  Replica& at = (*this)[node];
  at.store.forget_watchers();
  at.watches.end_all();
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
    reply->answer(error_answer(past.error().code, past.error().cause, past.error().index, true), false);
    return 0;
  }
  reply->answer(watch_answer(indices(node)), true);
  for (; past->event != nullptr; past = at.store.past(watch)) {
    const bool slow = reply->backlog() >= limits.watch_backlog;
    if (!slow) reply->chunk(event_text(*past->event, past->expiration));
    if (slow || !watch.stream) {
      reply->end();
      return 0;
    }
    watch.since = past->event->index + 1;
  }
  const bool stream = watch.stream;
  std::string key = watch.key;
  const WatcherId watcher = at.store.watch(std::move(watch));
  at.watches.add(watcher, reply, std::move(key), stream,
                 internal::saturating_sum(context_.now(), limits.watch_timeout));
  return watcher;
}

void Replicas::unwatch(NodeId node, WatcherId watcher) {
  Replica& at = (*this)[node];
  if (at.watches.remove(watcher)) at.store.unwatch(watcher);
}

std::pair<Instant, NodeId> Replicas::next_watch_end() const {
  std::pair<Instant, NodeId> first{Instant::max(), 0};
  for (NodeId node = 1; node <= replicas_.size(); ++node) {
    if (consensus_.member(node).paused) continue;
    const Instant deadline = replicas_[node - 1]->watches.first_deadline().first;
    if (deadline < first.first) first = {deadline, node};
  }
  return first;
}

void Replicas::end_watch(NodeId node) {
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

// How proposals come into the log, and what is in the log into the nodes' stores.
#include <algorithm>
#include <utility>

#include "cluster/cluster_core.h"
#include "protocol/answer_writer.h"

namespace deimos::fake {
namespace {

constexpr std::size_t entries_kept = 1024;

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

}  // namespace

ClusterCore::Ticket ClusterCore::propose(Replica& at, const Origin& origin, Command* command, Waiting waiting) {
  Proposal proposal;
  const std::uint64_t id = proposal.id = ++last_proposal_;
  proposal.accepted_by = at.id;
  proposal.accepted_at = now();
  proposal.client = origin.client;
  proposal.request = origin.request;
  if (command != nullptr) proposal.command.emplace(std::move(*command));
  proposing_ = id;
  proposer_ = &waiting;
  route(at, std::move(proposal));
  proposing_ = 0;
  proposer_ = nullptr;
  if (!waiting.reply) return 0;
  const NodeId node = at.id;
  waiting.timeout = events_.add(now() + options_.request_timeout, [this, node, id] { time_out(node, id); });
  at.waiting.emplace(id, std::move(waiting));
  return make_ticket(TicketKind::waiting, at.id, id);
}

/// Takes the proposal to whoever it is that `from` takes for the leader, who may send it on.
void ClusterCore::route(Replica& from, Proposal&& proposal) {
  Replica* at = &from;
  for (std::size_t hops = 0; hops <= replicas_.size(); ++hops) {
    if (at->leader == 0) {
      // Its own waits; one that was forwarded is lost.
      if (at->id == proposal.accepted_by) at->leaderless.push_back(std::move(proposal));
      return;
    }
    if (at->leader == at->id) break;
    Replica& next = replica(at->leader);
    if (!next.running || !links_.whole(at->id, next.id)) return;
    if (next.paused) return next.forwarded.push_back(std::move(proposal));
    at = &next;
  }
  // A leader of an earlier term finds no majority for it any more.
  if (at->id != leader_ || !reigns()) return;
  if (can_commit_) {
    commit(std::move(proposal));
  } else {
    pending_.push_back(std::move(proposal));
  }
}

void ClusterCore::commit(Proposal&& proposal) {
  Replica& leader = replica(leader_);
  ++raft_index_;
  if (!proposal.command) {
    // A read changes nothing: whoever is up to date at this point answers it, and nobody else needs to know.
    Replica& asked = replica(proposal.accepted_by);
    if (is_up_to_date(asked)) {
      catch_up(asked);
      asked.raft_index = raft_index_;
      return answer(asked, proposal, raft_index_, nullptr);
    }
  }
  const Instant when = now();
  LogEntry entry{std::move(proposal), when, raft_index_, term_};
  if (replicas_.size() == 1) {
    log_.skip();
    leader.received = leader.known = leader.applied = log_.last();
    return apply_entry(leader, entry, when, true);
  }
  leader.received = leader.known = leader.applied = log_.append(std::move(entry));
  apply_entry(leader, log_.at(leader.applied), when, true);
  spread();
}

/// Tells the followers of the last entry.
void ClusterCore::spread() {
  for (const auto& at : replicas_) {
    if (at->id == leader_ || !at->hears) continue;
    at->received = log_.last();
    announce(*at);
    const bool asked = log_.at(log_.last()).proposal.accepted_by == at->id;
    if (asked || at->observed()) catch_up(*at);
  }
  if (log_.size() >= entries_kept) forget_log();
}

/// What a follower has received is committed: it hears of that at once, or after its lag.
void ClusterCore::announce(Replica& to) {
  if (to.lag_most.count() == 0) {
    to.known = to.received;
    return;
  }
  to.next_arrival = std::max(to.next_arrival, now() + lag_random_.between(to.lag_least, to.lag_most));
  events_.add(to.next_arrival, [this, &to, position = to.received] {
    if (!to.hears || position <= to.known) return;
    to.known = position;
    catch_up_now(to);
  });
}

void ClusterCore::catch_up(Replica& at) {
  while (at.applied < at.known) {
    LogEntry& entry = log_.at(++at.applied);
    apply_entry(at, entry, entry.committed_at, false);
  }
}

void ClusterCore::catch_up_now(Replica& at) {
  while (at.applied < at.known) apply_entry(at, log_.at(++at.applied), now(), false);
}

void ClusterCore::catch_up_all() {
  for (const auto& at : replicas_) catch_up(*at);
}

void ClusterCore::forget_log() {
  catch_up_all();
  std::uint64_t everywhere = log_.last();
  for (const auto& at : replicas_) everywhere = std::min(everywhere, at->applied);
  log_.forget(everywhere);
}

void ClusterCore::apply_entry(Replica& at, LogEntry& entry, Instant when, bool audited) {
  at.raft_index = entry.raft_index;
  Proposal& proposal = entry.proposal;
  if (!proposal.command) return answer(at, proposal, entry.raft_index, nullptr);
  const Instant shown = at.clock.at(when);
  if (!audited || (!observer_ && proposal.request == 0)) {
    // Only a node by itself needs the entry no more.
    const auto outcome = replicas_.size() == 1 ? at.store.apply(std::move(*proposal.command), shown, at.watches)
                                               : at.store.apply(*proposal.command, shown, at.watches);
    return answer(at, proposal, entry.raft_index, outcome);
  }
  AuditedSink sink(at.watches);
  const auto outcome = at.store.apply(*proposal.command, shown, sink);
  if (proposal.request != 0) {
    applied_.try_emplace(proposal.request, Applied{when, entry.raft_index, outcome.has_value()});
  }
  if (observer_) audit(at, entry, outcome, std::move(sink.events));
  answer(at, proposal, entry.raft_index, outcome);
}

void ClusterCore::audit(Replica& at, const LogEntry& entry, const tl::expected<const Event*, StoreError>& outcome,
                        std::vector<Event> events) {
  const Proposal& proposal = entry.proposal;
  const Command& command = *proposal.command;
  AuditRecord record;
  record.at = entry.committed_at;
  record.log_index = entry.raft_index;
  record.term = entry.term;
  record.accepted_by = command.kind == Command::Kind::sweep ? at.id : proposal.accepted_by;
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
    observer_(record);
    return;
  }
  for (Event& event : events) {
    if (command.kind == Command::Kind::sweep) record.key = event.key;
    record.event = std::move(event);
    observer_(record);
  }
}

/// If the proposal was made at this node and its request still waits here.
void ClusterCore::answer(Replica& at, const Proposal& proposal, std::uint64_t raft_index,
                         const tl::expected<const Event*, StoreError>& outcome) {
  if (proposal.accepted_by != at.id || proposal.id == 0) return;
  std::optional<Waiting> waiting = take_waiting(at, proposal.id);
  if (!waiting) return;
  if (waiting->lookup) {
    waiting->reply->answer(listing(at, *waiting->lookup, at.clock.at(now())), false);
  } else if (!outcome) {
    const StoreError& error = outcome.error();
    waiting->reply->answer(error_answer(error.code, error.cause, error.index, true), false);
  } else {
    waiting->reply->answer(event_answer(**outcome, {at.store.index(), raft_index, at.term}), false);
  }
}

std::optional<Replica::Waiting> ClusterCore::take_waiting(Replica& at, std::uint64_t proposal) {
  if (proposer_ != nullptr && proposal == proposing_) {
    return Waiting{std::move(proposer_->reply), std::move(proposer_->lookup), {}};
  }
  const auto found = at.waiting.find(proposal);
  if (found == at.waiting.end()) return std::nullopt;
  std::optional<Waiting> waiting = std::move(found->second);
  at.waiting.erase(found);
  events_.cancel(waiting->timeout);
  return waiting;
}

}  // namespace deimos::fake

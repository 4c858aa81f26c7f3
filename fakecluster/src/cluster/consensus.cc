#include "cluster/consensus.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <deimos/internal/assert.h>
#include <deimos/internal/saturating_time.h>

namespace deimos::fake {

Consensus::Consensus(ClusterContext& context, StateMachine& machine, std::uint64_t seed, std::uint64_t raft_index)
    : context_(context),
      machine_(machine),
      links_(context.options.nodes),
      raft_index_(raft_index),
      election_random_(seed, "election"),
      pending_random_(seed, "pending"),
      lag_random_(seed, "lag") {
  for (NodeId id = 1; id <= context.options.nodes; ++id) {
    Member& at = members_.emplace_back(Member{.id = id, .leaderless = {}, .forwarded = {}});
    at.lag_least = context.options.lag_least;
    at.lag_most = context.options.lag_most;
    at.raft_index = raft_index_;
    at.leader = leader_;
    at.leader_since = context.now();
    at.hears = true;
  }
  members_.front().role = Role::leader;
  members_.front().had_quorum = true;
}

bool Consensus::connected(const Member& one, const Member& other) const noexcept {
  return one.active() && other.active() && links_.whole(one.id, other.id) && links_.whole(other.id, one.id);
}

bool Consensus::has_majority(const Member& at) const noexcept {
  const auto voters =
      std::count_if(members_.begin(), members_.end(), [&](const Member& other) { return connected(at, other); });
  return static_cast<std::size_t>(voters) * 2 > members_.size();
}

/// Voters refuse a candidate whose log lacks what they know.
bool Consensus::can_win(const Member& at) const noexcept { return at.received == log_.last() && has_majority(at); }

bool Consensus::hears_its_leader(const Member& at) const noexcept {
  if (at.leader == 0 || at.leader == at.id) return at.leader == at.id;
  const Member& leader = member(at.leader);
  return leader.active() && leader.role == Role::leader && leader.term == at.term && links_.whole(leader.id, at.id);
}

bool Consensus::is_up_to_date(const Member& at) const noexcept {
  return at.id == leader_ || (at.hears && at.lag_most.count() == 0 && at.next_arrival <= context_.now());
}

// Leaders.

void Consensus::reconsider() {
  for (Member& at : members_) find_leader(at);
  look_for_quorum();
  for (Member& at : members_) {
    if (at.id == leader_ || !at.hears) continue;
    at.received = log_.last();
    if (at.known < at.received) announce(at);
    catch_up_now(at);
  }
  send_pending();
  if (can_commit_) {
    for (Proposal& proposal : std::exchange(pending_, {})) commit(std::move(proposal));
    for (Member& at : members_) at.pending_received = 0;
  }
  resubmit();
  for (const Member& at : members_) check(at);
  DEIMOS_ASSERT(!can_commit_ || member(leader_).applied == log_.last(), "the leader applies an entry as it commits it");
}

/// Follows the leader of the latest term if it hears it; waits for an election if it hears none.
void Consensus::find_leader(Member& at) {
  const Member& leader = member(leader_);
  at.hears = at.active() && reigns() && leader.active() && links_.whole(leader_, at.id);
  if (at.hears) {
    if (at.id != leader_) {
      if (at.role == Role::leader) lose_quorum(at);
      at.role = Role::follower;
    }
    if (at.leader != leader_ || at.term != term_) at.leader_since = context_.now();
    at.leader = leader_;
    DEIMOS_ASSERT(at.term <= term_, "terms grow");
    at.term = term_;
  }
  if (!at.active() || hears_its_leader(at)) {
    context_.events.cancel(at.election);
  } else if (!at.election) {
    arm_election(at);
  }
}

void Consensus::look_for_quorum() {
  const bool could = std::exchange(can_commit_, reigns() && has_majority(member(leader_)));
  if (could && !can_commit_) context_.tell(Incident::Kind::quorum, leader_, [] { return "has lost its majority"; });
  for (Member& at : members_) {
    if (at.id != leader_ || !can_commit_) lose_quorum(at);
  }
  member(leader_).had_quorum = can_commit_;
}

/// Its lease begins to run out, by its own clock.
void Consensus::lose_quorum(Member& at) {
  if (!std::exchange(at.had_quorum, false)) return;
  const auto scaled = static_cast<double>(context_.options.lease.count()) * 1e9 / static_cast<double>(at.clock.rate());
  at.lease_end = context_.now() + std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(scaled, 1e18)));
}

/// Proposals that waited for somebody to be there.
void Consensus::resubmit() {
  for (Member& at : members_) {
    if (!at.active()) continue;
    if (at.leader != 0) {
      for (Proposal& proposal : std::exchange(at.leaderless, {})) propose(at.id, std::move(proposal));
    }
    for (Proposal& proposal : std::exchange(at.forwarded, {})) propose(at.id, std::move(proposal));
  }
}

void Consensus::arm_election(Member& at) {
  const ClusterOptions& options = context_.options;
  const auto more = static_cast<std::uint64_t>(options.election_ticks_most - options.election_ticks_least) + 1;
  const auto ticks = options.election_ticks_least + static_cast<std::int64_t>(election_random_.below(more));
  at.election = context_.events.add(context_.now() + ticks * options.tick, [this, &at] { stand_for_election(at); });
}

void Consensus::stand_for_election(Member& at) {
  at.election = {};
  at.leader = 0;
  if (can_win(at)) return elect(at);
  arm_election(at);
}

void Consensus::change_leader(NodeId to) {
  std::vector<Member*> fit;
  for (Member& at : members_) {
    if (at.id == leader_ && reigns()) continue;
    if ((to == 0 || to == at.id) && can_win(at)) fit.push_back(&at);
  }
  if (!fit.empty()) elect(*fit[election_random_.below(fit.size())]);
}

void Consensus::elect(Member& winner) {
  DEIMOS_ASSERT(winner.received == log_.last(), "what is committed is never lost");
  DEIMOS_ASSERT(winner.term <= term_, "terms grow");
  catch_up_all();
  lose_quorum(member(leader_));
  const std::size_t pending = pending_.size();
  if (leader_ != winner.id) keep_pending(winner);
  leader_ = winner.id;
  ++term_;
  context_.tell(Incident::Kind::election, leader_, [&] {
    const std::string text = "leads in term " + std::to_string(term_);
    if (pending == 0) return text;
    return text + "; of " + std::to_string(pending) + " proposals that were pending, it has " +
           std::to_string(pending_.size());
  });
  ++raft_index_;  // Of the empty entry with which a term begins.
  winner.role = Role::leader;
  winner.leader = winner.id;
  winner.leader_since = context_.now();
  winner.term = term_;
  winner.known = winner.received;
  catch_up_now(winner);
  winner.raft_index = raft_index_;
  reconsider();
}

/// Of what the former leader took, the winner commits what it has. What reached it may still have been on its way.
void Consensus::keep_pending(const Member& winner) {
  DEIMOS_ASSERT(winner.pending_received <= pending_.size(), "a node has no more of what is pending than there is");
  std::size_t kept = winner.pending_received;
  if (context_.options.pending_fate == PendingFate::drop) kept = 0;
  if (context_.options.pending_fate == PendingFate::seeded) kept = pending_random_.below(kept + 1);
  pending_.resize(kept);
}

void Consensus::set_running(NodeId node, bool running) {
  Member& at = member(node);
  if (std::exchange(at.running, running) == running) return;
  if (const auto& call = context_.on_running[node]) call(running);
  if (running) return;
  at.paused = false;
  lose_quorum(at);
  at.role = Role::follower;
  at.leader = 0;
  at.lease_end = {};
  at.leaderless.clear();
  at.forwarded.clear();
}

void Consensus::delay_commits(NodeId node, std::chrono::nanoseconds delay) {
  member(node).next_arrival = internal::saturating_sum(context_.now(), delay);
}

// Proposals.

void Consensus::propose(NodeId from, Proposal&& proposal) {
  Member* at = &member(from);
  for (std::size_t hops = 0; hops <= members_.size(); ++hops) {
    if (at->leader == 0) {
      // Its own waits; one that was forwarded is lost.
      if (at->id == proposal.accepted_by) queue(at->leaderless, std::move(proposal));
      return;
    }
    if (at->leader == at->id) break;
    Member& next = member(at->leader);
    if (!next.running || !links_.whole(at->id, next.id)) return;
    if (next.paused) return queue(next.forwarded, std::move(proposal));
    at = &next;
  }
  // A leader of an earlier term finds no majority for it any more.
  if (at->id != leader_ || !reigns()) return;
  if (can_commit_) return commit(std::move(proposal));
  queue(pending_, std::move(proposal));
  send_pending();
}

/// Drops what the log could not hold.
void Consensus::queue(std::vector<Proposal>& proposals, Proposal&& proposal) const {
  const auto add = [](std::size_t bytes, const Proposal& each) { return bytes + each.size(); };
  const std::size_t bytes = std::accumulate(proposals.begin(), proposals.end(), proposal.size(), add);
  const ClusterOptions& options = context_.options;
  if (proposals.size() < options.log_entries && bytes <= options.log_bytes) proposals.push_back(std::move(proposal));
}

/// To whom the leader reaches now.
void Consensus::send_pending() {
  for (Member& at : members_) {
    if (at.hears) at.pending_received = pending_.size();
  }
}

void Consensus::withdraw(NodeId from, std::uint64_t proposal, bool read) {
  const auto is_it = [&](const Proposal& each) { return each.id == proposal; };
  std::erase_if(member(from).leaderless, is_it);
  const auto found = read ? std::find_if(pending_.begin(), pending_.end(), is_it) : pending_.end();
  if (found == pending_.end()) return;
  const auto place = static_cast<std::size_t>(found - pending_.begin());
  pending_.erase(found);
  for (Member& at : members_) {
    if (at.pending_received > place) --at.pending_received;
  }
}

bool Consensus::can_commit_for(NodeId node) const noexcept {
  return can_commit_ && links_.whole(node, leader_) && member(node).leader == leader_;
}

NodeId Consensus::reader(NodeId asked_node, bool local) {
  Member& asked = member(asked_node);
  const ReadMode mode = context_.options.read_mode;
  NodeId from = 0;
  if (local || mode == ReadMode::local) {
    from = asked.id;
  } else if (can_commit_ && is_up_to_date(asked) && links_.whole(asked.id, leader_)) {
    // Its place in the log is taken as soon as it is proposed, and all before it is known here.
    catch_up(asked.id);
    asked.raft_index = ++raft_index_;
    return asked.id;
  } else if (mode == ReadMode::leader_lease) {
    from = leader_for(asked.id);
  }
  if (from != 0) catch_up(from);
  return from;
}

NodeId Consensus::leader_for(NodeId asked_node) const noexcept {
  const Member& asked = member(asked_node);
  if (asked.leader == 0) return 0;
  const Member& leader = member(asked.leader);
  const bool leads = leader.id == leader_ && can_commit_;
  const bool answers = leader.role == Role::leader && (leader.id == asked.id || connected(leader, asked));
  return answers && (leads || context_.now() < leader.lease_end) ? leader.id : 0;
}

void Consensus::commit(Proposal&& proposal) {
  Member& leader = member(leader_);
  const Instant when = context_.now();
  LogEntry entry{std::move(proposal), when, ++raft_index_, term_};
  if (entry.proposal.only_reads()) {
    // A read changes nothing: whoever is up to date at this point answers it, and nobody else needs to know.
    Member& asked = member(entry.proposal.accepted_by);
    if (is_up_to_date(asked)) {
      catch_up(asked.id);
      return apply(asked, entry, when, false);
    }
  }
  if (members_.size() == 1) {
    log_.skip();
    leader.received = leader.known = leader.applied = log_.last();
    return apply(leader, entry, when, true);
  }
  leader.received = leader.known = leader.applied = log_.append(std::move(entry));
  apply(leader, log_.at(leader.applied), when, true);
  spread();
}

/// Tells the followers of the last entry.
void Consensus::spread() {
  for (Member& at : members_) {
    if (at.id == leader_ || !at.hears) continue;
    at.received = log_.last();
    announce(at);
    const bool asked = log_.at(log_.last()).proposal.accepted_by == at.id;
    if (asked || machine_.observed(at.id)) catch_up(at.id);
  }
  shorten_log();
}

/// What a follower has received is committed: it hears of that at once, or after its lag.
void Consensus::announce(Member& to) {
  if (is_up_to_date(to)) {
    to.known = to.received;
    return;
  }
  to.next_arrival = std::max(to.next_arrival, context_.now() + lag_random_.between(to.lag_least, to.lag_most));
  context_.events.add(to.next_arrival, [this, &to, position = to.received] {
    if (!to.hears || position <= to.known) return;
    to.known = position;
    catch_up_now(to);
  });
}

void Consensus::catch_up(NodeId node) {
  Member& at = member(node);
  restore_if_cut_off(at);
  while (at.applied < at.known) {
    LogEntry& entry = log_.at(++at.applied);
    apply(at, entry, entry.committed_at, false);
  }
}

void Consensus::catch_up_now(Member& at) {
  restore_if_cut_off(at);
  while (at.applied < at.known) apply(at, log_.at(++at.applied), context_.now(), false);
}

void Consensus::catch_up_all() {
  for (const Member& at : members_) catch_up(at.id);
}

void Consensus::apply(Member& at, LogEntry& entry, Instant when, bool first) {
  check(at);
  at.raft_index = entry.raft_index;
  machine_.apply(at.id, entry, when, first);
}

/// Only a node that hears the leader comes to know of more than it has applied.
void Consensus::restore_if_cut_off(Member& at) {
  if (at.applied >= log_.first() - 1 || at.applied == at.known) return;
  const Member& source = member(leader_);
  at.known = std::max(at.known, source.applied);
  at.applied = source.applied;
  at.raft_index = source.raft_index;
  machine_.restore(at.id, source.id);
}

/// Drops what has been applied everywhere; and beyond the limits, what the leader has applied.
void Consensus::shorten_log() {
  constexpr std::size_t worth_while = 1024;
  const ClusterOptions& options = context_.options;
  const bool beyond = log_.size() > options.log_entries || log_.bytes() > options.log_bytes;
  if (!beyond && log_.size() % worth_while != 0) return;
  catch_up_all();
  std::uint64_t everywhere = log_.last();
  for (const Member& at : members_) everywhere = std::min(everywhere, at.applied);
  log_.forget(beyond ? log_.last() : everywhere);
}

void Consensus::check(const Member& at) const {
  DEIMOS_ASSERT(at.applied <= at.known, "a node applies only what it knows to be committed");
  DEIMOS_ASSERT(at.known <= at.received, "a node knows only of entries that it has");
  DEIMOS_ASSERT(at.received <= log_.last(), "a node has only entries that are in the log");
  DEIMOS_ASSERT(at.id == leader_ || at.role != Role::leader || at.term < term_, "a term has one leader");
}

}  // namespace deimos::fake

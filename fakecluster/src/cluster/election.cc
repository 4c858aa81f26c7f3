// Who leads whom.
#include <algorithm>
#include <utility>

#include "cluster/cluster_core.h"

namespace deimos::fake {

/// Whether the leader of the latest term still takes itself for one.
bool ClusterCore::reigns() noexcept { return replica(leader_).role == Role::leader; }

bool ClusterCore::connected(const Replica& one, const Replica& other) const noexcept {
  return one.active() && other.active() && links_.whole(one.id, other.id) && links_.whole(other.id, one.id);
}

bool ClusterCore::has_majority(const Replica& at) const noexcept {
  const auto voters =
      std::count_if(replicas_.begin(), replicas_.end(), [&](const auto& other) { return connected(at, *other); });
  return static_cast<std::size_t>(voters) * 2 > replicas_.size();
}

/// Voters refuse a candidate whose log lacks what they know.
bool ClusterCore::can_win(const Replica& at) const noexcept { return at.received == log_.last() && has_majority(at); }

bool ClusterCore::hears_its_leader(const Replica& at) noexcept {
  if (at.leader == 0 || at.leader == at.id) return at.leader == at.id;
  const Replica& leader = replica(at.leader);
  return leader.active() && leader.role == Role::leader && leader.term == at.term && links_.whole(leader.id, at.id);
}

void ClusterCore::reconsider() {
  for (const auto& at : replicas_) find_leader(*at);
  look_for_quorum();
  for (const auto& at : replicas_) {
    if (at->id == leader_ || !at->hears) continue;
    at->received = log_.last();
    if (at->known < at->received) announce(*at);
    catch_up_now(*at);
  }
  if (can_commit_) {
    for (Proposal& proposal : std::exchange(pending_, {})) commit(std::move(proposal));
  }
  resubmit();
}

/// Follows the leader of the latest term if it hears it; waits for an election if it hears none.
void ClusterCore::find_leader(Replica& at) {
  const Replica& leader = replica(leader_);
  at.hears = at.active() && leader.role == Role::leader && leader.active() && links_.whole(leader_, at.id);
  if (at.hears) {
    if (at.id != leader_) {
      if (at.role == Role::leader) lose_quorum(at);
      at.role = Role::follower;
    }
    at.leader = leader_;
    at.term = term_;
  }
  if (!at.active() || hears_its_leader(at)) {
    events_.cancel(at.election);
  } else if (!at.election) {
    arm_election(at);
  }
}

void ClusterCore::look_for_quorum() {
  Replica& leader = replica(leader_);
  const bool could = std::exchange(can_commit_, reigns() && has_majority(leader));
  if (could && !can_commit_) tell(Incident::Kind::quorum, leader_, [] { return "has lost its majority"; });
  for (const auto& at : replicas_) {
    if (at->id != leader_ || !can_commit_) lose_quorum(*at);
  }
  leader.had_quorum = can_commit_;
}

/// Its lease begins to run out, by its own clock.
void ClusterCore::lose_quorum(Replica& at) {
  if (!std::exchange(at.had_quorum, false)) return;
  const auto scaled = static_cast<double>(options_.lease.count()) * 1e9 / static_cast<double>(at.clock.rate());
  at.lease_end = now() + std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(scaled, 1e18)));
}

/// Proposals that waited for somebody to be there.
void ClusterCore::resubmit() {
  for (const auto& at : replicas_) {
    if (!at->active()) continue;
    if (at->leader != 0) {
      for (Proposal& proposal : std::exchange(at->leaderless, {})) {
        if (at->waiting.contains(proposal.id)) route(*at, std::move(proposal));
      }
    }
    for (Proposal& proposal : std::exchange(at->forwarded, {})) route(*at, std::move(proposal));
  }
}

void ClusterCore::arm_election(Replica& at) {
  const auto more = static_cast<std::uint64_t>(options_.election_ticks_most - options_.election_ticks_least) + 1;
  const auto ticks = options_.election_ticks_least + static_cast<std::int64_t>(election_random_.below(more));
  at.election = events_.add(now() + ticks * options_.tick, [this, &at] { stand_for_election(at); });
}

void ClusterCore::stand_for_election(Replica& at) {
  at.election = {};
  at.leader = 0;
  if (can_win(at)) return elect(at);
  arm_election(at);
}

void ClusterCore::elect(Replica& winner) {
  catch_up_all();
  Replica& former = replica(leader_);
  lose_quorum(former);
  const std::size_t pending = pending_.size();
  if (&former != &winner) {
    // How much of what the former leader took came through to the winner; what it has, it commits.
    std::uint64_t kept = pending_.size();
    if (options_.pending_fate == PendingFate::drop) kept = 0;
    if (options_.pending_fate == PendingFate::seeded) kept = pending_random_.below(pending_.size() + 1);
    pending_.resize(kept);
  }
  leader_ = winner.id;
  ++term_;
  tell(Incident::Kind::election, leader_, [&] {
    const std::string text = "leads in term " + std::to_string(term_);
    if (pending == 0) return text;
    return text + "; of " + std::to_string(pending) + " proposals that were pending, it has " +
           std::to_string(pending_.size());
  });
  ++raft_index_;  // Of the empty entry with which a term begins.
  winner.role = Role::leader;
  winner.leader = winner.id;
  winner.term = term_;
  winner.known = winner.received;
  catch_up_now(winner);
  winner.raft_index = raft_index_;
  reconsider();
}

}  // namespace deimos::fake

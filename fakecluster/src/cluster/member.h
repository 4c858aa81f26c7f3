// One node as consensus sees it: what time it has, whom it follows, and how far it has come in the log.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <deimos/fake/clock.h>
#include <deimos/fake/cluster_state.h>
#include <deimos/fake/node_id.h>

#include "cluster/proposal.h"
#include "time/node_clock.h"
#include "time/timed_events.h"

namespace deimos::fake {

struct Member {
  [[nodiscard]] bool active() const noexcept { return running && !paused; }

  const NodeId id;
  NodeClock clock = {};
  std::chrono::nanoseconds lag_least{};
  std::chrono::nanoseconds lag_most{};
  bool running = true;
  bool paused = false;

  Role role = Role::follower;
  NodeId leader = 0;
  Instant leader_since{};  ///< True time.
  std::uint64_t term = 1;
  TimedEvents::Id election = {};  ///< When it stands for election, should it hear no leader until then.
  bool hears = false;             ///< Whether the leader of the latest term reaches it.
  bool had_quorum = false;        ///< As a leader, at the last look.
  Instant lease_end{};            ///< True time; of a leader that lost its quorum.

  // Positions in the log: the last entry that …
  std::uint64_t received = 0;        ///< … it has, …
  std::uint64_t known = 0;           ///< … it knows to be committed, …
  std::uint64_t applied = 0;         ///< … is in its store.
  std::size_t pending_received = 0;  ///< Of the leader's pending proposals, those before this one have reached it.
  Instant next_arrival{};            ///< Before this instant it hears of no commit.
  std::uint64_t raft_index = 0;      ///< Of the entry applied last.
  std::vector<Proposal> leaderless;  ///< Its own proposals, until it knows a leader or their requests time out.
  std::vector<Proposal> forwarded;   ///< Proposals of others that came while it was paused.
};

}  // namespace deimos::fake

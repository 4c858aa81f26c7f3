// One node of a cluster from within: its copy of the store, how far it has come in the log, whom it follows, and the
// requests that it owes an answer.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <deimos/fake/cluster_state.h>
#include <deimos/fake/node.h>
#include <deimos/fake/store.h>

#include "cluster/open_watches.h"
#include "cluster/proposal.h"
#include "protocol/keys_request.h"
#include "time/node_clock.h"
#include "time/timed_events.h"

namespace deimos::fake {

class InterceptedRequest;

struct Replica {
  /// A request that waits for its place in the log to be reached here, or for its time-out.
  struct Waiting {
    std::shared_ptr<Reply> reply;
    std::optional<Lookup> lookup;  ///< What to read then; a write is answered with its event.
    TimedEvents::Id timeout;
    bool overdue = false;  ///< Its time-out passed while the node was paused.
  };

  Replica(NodeId its_id, NodeOptions its_options)
      : id(its_id), options(std::move(its_options)), store(options.history_capacity), watches(options.watch_backlog) {}

  [[nodiscard]] bool active() const noexcept { return running && !paused; }
  [[nodiscard]] bool observed() const noexcept { return store.watchers() != 0 || !waiting.empty(); }

  const NodeId id;
  const NodeOptions options;  ///< clock and sweep_interval are not used.
  NodeClock clock;
  std::chrono::nanoseconds lag_least{};
  std::chrono::nanoseconds lag_most{};

  bool running = true;
  bool paused = false;
  bool closed = false;

  Role role = Role::follower;
  NodeId leader = 0;
  std::uint64_t term = 1;
  TimedEvents::Id election;  ///< When it stands for election, should it hear no leader until then.
  bool hears = false;        ///< What the leader of the latest term sends.
  bool had_quorum = false;   ///< As a leader, at the last look.
  Instant lease_end{};       ///< Of one who had a quorum and lost it; true time.

  // Positions in the log: how many entries …
  std::uint64_t received = 0;  ///< … it has, …
  std::uint64_t known = 0;     ///< … it knows to be committed, …
  std::uint64_t applied = 0;   ///< … are in its store.
  Instant next_arrival{};      ///< Of what is on its way to a node that lags.
  std::uint64_t raft_index = 0;

  Store store;
  OpenWatches watches;
  std::map<std::uint64_t, Waiting> waiting;                      ///< By proposal.
  std::vector<Proposal> leaderless;                              ///< Proposals that wait for a leader to be known.
  std::vector<Proposal> forwarded;                               ///< Proposals that came while it was paused.
  std::vector<std::shared_ptr<InterceptedRequest>> undelivered;  ///< Requests that came while it was paused.
  std::uint64_t requests = 0;
};

}  // namespace deimos::fake

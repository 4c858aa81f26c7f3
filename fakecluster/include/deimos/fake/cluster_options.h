// How a cluster is made.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <deimos/fake/clock.h>
#include <deimos/fake/dialect.h>
#include <deimos/fake/node_id.h>
#include <deimos/fake/node_options.h>

namespace deimos::fake {

/// How a GET is answered; of an etcd, one with `quorum=true`: all others are local.
enum class ReadMode : std::uint8_t {
  consensus,     ///< As a write: through the log. What Deimos does.
  leader_lease,  ///< By the leader from what it has applied, as long as its lease runs, else through the log. Stale if
                 ///< the lease outlives the leader: `lease` longer than an election takes, or the leader's clock slow.
  local,         ///< By the node asked, from what it has applied: stale as it likes.
};

/// Of the proposals that a leader without a majority took, and that its links let through to the node elected next:
/// which of them that node has, and so commits. All others are lost.
enum class PendingFate : std::uint8_t {
  seeded,  ///< A random number of them, the oldest first: the rest was still on its way.
  keep,    ///< All of them.
  drop,    ///< None.
};

/// Somebody who may ask for and change everything.
struct UserOptions {
  std::string name;
  std::string password;
};

struct ClusterOptions {
  NodeId nodes = 3;  ///< From 1 to most_nodes.
  Dialect dialect = Dialect::deimos;
  std::uint64_t seed = 0;
  std::vector<MemberOptions> members = {};  ///< Node 1 first; may be fewer than nodes.
  /// Of the etcd3 dialect: who may ask, with a token that `/v3/auth/authenticate` gives. Empty: everybody, without one.
  std::vector<UserOptions> users = {};
  std::chrono::nanoseconds token_ttl = std::chrono::minutes(5);  ///< A token is good until it was not used for so long.
  /// True time. Not given: a ManualClock of the cluster's own, moved by advance(). Must outlive the cluster.
  const Clock* clock = nullptr;

  std::chrono::nanoseconds request_timeout = std::chrono::seconds(10);  ///< Without an answer: 500.
  std::chrono::nanoseconds tick = std::chrono::milliseconds(100);
  int election_ticks_least = 15;
  int election_ticks_most = 30;
  PendingFate pending_fate = PendingFate::seeded;
  ReadMode read_mode = ReadMode::consensus;
  std::chrono::nanoseconds lease = std::chrono::milliseconds(1500);  ///< By the leader's clock; see ReadMode.
  /// How long after its commit a follower hears of an entry; see Lag, by which it can be changed.
  std::chrono::nanoseconds lag_least{};
  std::chrono::nanoseconds lag_most{};

  std::chrono::nanoseconds sweep_interval = std::chrono::milliseconds(500);
  double missed_sweeps = 0;  ///< Probability, from 0 to below 1, that a sweep with something to do is skipped.
  /// When one watcher of a key goes, its node forgets all others of the same key: they hear nothing until they time
  /// out. Some real nodes do that.
  bool forgetful_hub = false;
  /// Beyond so many entries, or about so many bytes of them, the log is cut off by a snapshot; a node that lacks an
  /// entry that was cut off restarts from the snapshot: its watches break, and its event history is gone. Beyond
  /// either, proposals that cannot be committed yet are dropped, and their requests time out.
  std::size_t log_entries = 10'000;
  std::size_t log_bytes = 64 << 20;
  NodeLimits limits = {};
  /// How many requests Cluster::journal() keeps, the latest; about 300 bytes each as a rule, 9 KiB at most. 0: none,
  /// and no time is spent on them.
  std::size_t journal_entries = 0;
};

}  // namespace deimos::fake

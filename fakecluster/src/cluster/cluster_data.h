// What a cluster remembers, all of which a reset makes anew.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <deimos/fake/cluster.h>

#include <deimos/internal/random_stream.h>
#include "cluster/links.h"
#include "cluster/log.h"
#include "cluster/replica.h"
#include "faults/intercepted_request.h"
#include "faults/rule_chain.h"
#include "time/timed_events.h"

namespace deimos::fake {

/// ClusterCore's alone, which inherits it.
class ClusterData {
 public:
  /// A new cluster with all its nodes running, of which the first leads.
  ClusterData(const ClusterOptions& options, std::uint64_t seed, Instant start);

 private:
  friend class ClusterCore;

  std::vector<std::unique_ptr<Replica>> replicas_;
  std::string machines_;

  TimedEvents events_;
  Instant start_;          // Sweeps are on a grid that begins here.
  Instant last_sweep_;     // Also a skipped one.
  Instant sweeps_from_{};  // See SkipSweeps.
  std::map<FaultId, std::pair<TimedEvents::Id, Fault>> scheduled_;
  FaultId last_scheduled_ = 0;

  Links links_;
  NodeId leader_ = 1;  // Of the latest term; it may be gone, or cut off.
  std::uint64_t term_ = 1;
  bool can_commit_ = true;
  Log log_;
  std::uint64_t raft_index_ = 0;
  std::vector<Proposal> pending_;  // At a leader without a majority.
  std::uint64_t last_proposal_ = 0;
  // The proposal that is being made right now, so that one that is answered at once is filed nowhere.
  std::uint64_t proposing_ = 0;
  Replica::Waiting* proposer_ = nullptr;

  RuleChain rules_;
  std::map<std::uint64_t, std::shared_ptr<InterceptedRequest>> intercepted_;
  std::uint64_t last_intercepted_ = 0;
  std::map<RuleId, std::pair<std::shared_ptr<InterceptedRequest>, TimedEvents::Id>> held_back_;

  std::map<std::uint64_t, Applied> applied_;

  internal::RandomStream election_random_;
  internal::RandomStream pending_random_;
  internal::RandomStream lag_random_;
  internal::RandomStream sweep_random_;
  internal::RandomStream interception_random_;
};

}  // namespace deimos::fake

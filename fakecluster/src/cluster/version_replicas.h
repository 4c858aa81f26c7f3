// What the nodes of a cluster in the etcd3 dialect have above the log: their stores, streams of events, and what a
// leader knows of leases.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include <deimos/fake/node_id.h>
#include <deimos/transport.h>

#include "cluster/cluster_context.h"
#include "cluster/consensus.h"
#include "cluster/event_streams.h"
#include "protocol/gateway_answer.h"
#include "protocol/gateway_request.h"
#include "protocol/member_list.h"
#include "versions/lessor.h"
#include "versions/version_store.h"

namespace deimos::fake {

/// Not thread-safe: guarded by the cluster's mutex.
class VersionReplicas {
 public:
  using Outcome = tl::expected<versions::ChangeAnswer, versions::Refusal>;
  struct Replica {
    versions::VersionStore store;
    EventStreams streams;
    versions::Lessor lessor = {};
  };

  VersionReplicas(ClusterContext& context, Consensus& consensus, const MemberList& members);

  [[nodiscard]] Replica& operator[](NodeId node) noexcept { return replicas_[node - 1]; }
  [[nodiscard]] const Replica& operator[](NodeId node) const noexcept { return replicas_[node - 1]; }
  /// Those of `node`, as it is now.
  [[nodiscard]] GatewayAnswers answers(NodeId node) const;

  /// `events`: filled with what happened, if not null.
  Outcome apply(NodeId node, const versions::Change& change, std::vector<versions::VersionEvent>* events);
  void restore(NodeId node, NodeId source);

  /// The answer to what was put into the log.
  [[nodiscard]] Response answer(NodeId node, const Outcome& outcome) const;
  /// The answer to a read, from what `node` has applied.
  [[nodiscard]] Response read(NodeId node, const GatewayRequest& request) const;
  /// Of what every node tells by itself: leases, its status, the members.
  [[nodiscard]] Response tell(NodeId node, const GatewayRequest& request) const;
  /// `leader`: whose word it is; `node`: who passes it on.
  [[nodiscard]] Response ask(NodeId node, NodeId leader, const KeepAliveRequest& request);
  [[nodiscard]] Response ask(NodeId node, NodeId leader, const TimeToLiveRequest& request);

  EventStreams::StreamId open_stream(NodeId node, std::shared_ptr<Reply> reply, const WatchRequest& request,
                                     const std::string& refusal);
  void tell_progress(NodeId node);

  /// When the next lease ends, by the clock of `leader`, which leads.
  [[nodiscard]] Instant next_lease_end(NodeId leader);
  /// Those that have ended by then; as many as an etcd takes at once.
  [[nodiscard]] std::vector<std::int64_t> ended_leases(NodeId leader, Instant now);

 private:
  [[nodiscard]] bool leads(NodeId node) const noexcept;
  /// Of a node that leads, or takes itself for a leader.
  versions::Lessor& lessor(NodeId leader);
  [[nodiscard]] Instant clock_of(NodeId node) const;

  ClusterContext& context_;
  Consensus& consensus_;
  const MemberList& members_;
  const std::uint64_t cluster_id_;
  std::vector<Replica> replicas_;
};

}  // namespace deimos::fake

// What becomes of a request in the etcd3 dialect at its node.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include <deimos/fake/request_handler.h>
#include <deimos/fake/rule.h>
#include <deimos/internal/random_stream.h>

#include "cluster/cluster_context.h"
#include "cluster/consensus.h"
#include "cluster/gateway_users.h"
#include "cluster/replicas.h"
#include "protocol/gateway_request.h"

namespace deimos::fake {

/// Not thread-safe: guarded by the cluster's mutex.
class GatewayPath {
 public:
  /// An answer that is not complete yet: a stream of events, or a request that waits. `id` 0: it is complete.
  struct Open {
    bool is_stream = false;
    std::uint64_t id = 0;
  };

  /// `replicas` are of the etcd3 dialect.
  GatewayPath(ClusterContext& context, Consensus& consensus, Replicas& replicas, std::uint64_t seed);

  Open serve(NodeId node, const Origin& origin, const Request& request, const std::shared_ptr<Reply>& reply);

 private:
  Open serve(NodeId node, const Origin& origin, GatewayRequest&& asked, const std::shared_ptr<Reply>& reply);
  Open read(NodeId node, const Origin& origin, GatewayRequest&& asked, bool local, const std::shared_ptr<Reply>& reply);
  Open write(NodeId node, const Origin& origin, versions::Change change, const std::shared_ptr<Reply>& reply);
  /// As the leader knows it: at once if it can be asked, else as soon as there is one.
  template <typename Asked>
  Open ask_leader(NodeId node, const Asked& asked, const std::shared_ptr<Reply>& reply);
  template <typename Asked>
  void ask_leader_later(NodeId node, const Asked& asked, std::uint64_t waiting);
  Response authenticate(NodeId node, const AuthenticateRequest& asked);

  ClusterContext& context_;
  Consensus& consensus_;
  Replicas& replicas_;
  VersionReplicas& versions_;
  GatewayUsers users_;
  internal::RandomStream lease_ids_;
};

}  // namespace deimos::fake

// What one node has above the log: its copy of the store, its watches, and the requests that it owes an answer.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include <deimos/fake/cluster_options.h>
#include <deimos/fake/request_handler.h>

#include "cluster/open_watches.h"
#include "protocol/gateway_request.h"
#include "protocol/keys_dialect.h"
#include "protocol/keys_request.h"
#include "protocol/operation_counts.h"
#include "store/store.h"
#include "time/timed_events.h"

namespace deimos::fake {

struct Replica {
  /// A request that waits for its place in the log to be reached here, or for its time-out.
  struct Waiting {
    std::shared_ptr<Reply> reply;
    std::optional<Lookup> lookup = {};                ///< What to read then; a write is answered with its event.
    std::optional<GatewayRequest> gateway_read = {};  ///< Likewise, in the etcd3 dialect.
    TimedEvents::Id timeout = {};
    bool brief = false;    ///< See Write.
    bool overdue = false;  ///< Its time-out passed while the node was paused.

    [[nodiscard]] bool reads() const noexcept { return lookup || gateway_read; }
  };

  explicit Replica(const ClusterOptions& options)
      : store(options.limits.history_capacity, options.forgetful_hub, keys_dialect(options.dialect).store),
        watches(options.limits.watch_backlog) {}

  Store store;
  OpenWatches watches;
  std::map<std::uint64_t, Waiting> waiting = {};  ///< By proposal.
  std::uint64_t requests = 0;
  OperationCounts counts = {};
};

}  // namespace deimos::fake

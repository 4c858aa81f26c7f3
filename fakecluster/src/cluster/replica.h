// What one node has above the log: its copy of the store, its watches, and the requests that it owes an answer.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <deimos/fake/cluster_options.h>
#include <deimos/fake/node_options.h>
#include <deimos/fake/request_handler.h>

#include "cluster/open_watches.h"
#include "protocol/keys_request.h"
#include "store/store.h"
#include "time/timed_events.h"

namespace deimos::fake {

struct Replica {
  /// A request that waits for its place in the log to be reached here, or for its time-out.
  struct Waiting {
    std::shared_ptr<Reply> reply;
    std::optional<Lookup> lookup;  ///< What to read then; a write is answered with its event.
    TimedEvents::Id timeout = {};
    bool overdue = false;  ///< Its time-out passed while the node was paused.
  };

  Replica(MemberOptions its_member, const ClusterOptions& options)
      : member(std::move(its_member)),
        store(options.limits.history_capacity, options.forgetful_hub),
        watches(options.limits.watch_backlog) {}

  const MemberOptions member;
  Store store;
  OpenWatches watches;
  std::map<std::uint64_t, Waiting> waiting = {};  ///< By proposal.
  std::uint64_t requests = 0;
};

}  // namespace deimos::fake

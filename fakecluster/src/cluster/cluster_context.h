// What every part of a cluster shares: its options, true time, what is still to happen, and who is told of what.
#pragma once

#include <functional>
#include <map>

#include <deimos/fake/audit.h>
#include <deimos/fake/clock.h>
#include <deimos/fake/cluster_options.h>
#include <deimos/fake/incident.h>
#include <deimos/fake/node_id.h>

#include "journal/request_journal.h"
#include "time/timed_events.h"

namespace deimos::fake {

/// Outlives a reset. Not thread-safe: guarded by the cluster's mutex.
struct ClusterContext {
  [[nodiscard]] Instant now() const { return clock.now(); }
  /// `text` is made only if somebody listens.
  template <typename Text>
  void tell(Incident::Kind kind, NodeId node, Text text) const {
    if (on_incident) on_incident({now(), kind, node, text()});
  }

  const ClusterOptions& options;
  const Clock& clock;
  RequestJournal journal = RequestJournal(options.journal_entries);  ///< Outlives what the events hold.
  TimedEvents events = {};
  AuditObserver observer = {};
  IncidentObserver on_incident = {};
  std::map<NodeId, std::function<void(bool)>> on_running = {};
};

}  // namespace deimos::fake

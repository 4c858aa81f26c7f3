// The audit of changes in the etcd3 dialect.
#pragma once

#include <vector>

#include <deimos/fake/audit.h>
#include <deimos/fake/node_id.h>

#include "cluster/proposal.h"
#include "versions/requests.h"

namespace deimos::fake {

/// A record for each key that `entry`, applied at `node` first, has changed.
[[nodiscard]] std::vector<AuditRecord> audit_records(NodeId node, const LogEntry& entry,
                                                     const std::vector<versions::VersionEvent>& events);

}  // namespace deimos::fake

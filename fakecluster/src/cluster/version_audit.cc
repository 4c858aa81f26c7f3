#include "cluster/version_audit.h"

#include <variant>

namespace deimos::fake {
namespace {

Event event_of(const versions::KeyValue& pair, Action action) {
  Event event;
  event.action = action;
  event.key = pair.key;
  event.index = event.node.modified_index = static_cast<std::uint64_t>(pair.mod_revision);
  event.node.created_index = static_cast<std::uint64_t>(pair.create_revision);
  if (action == Action::set) event.node.value = pair.value;
  return event;
}

}  // namespace

std::vector<AuditRecord> audit_records(NodeId node, const LogEntry& entry,
                                       const std::vector<versions::VersionEvent>& events) {
  const Proposal& proposal = entry.proposal;
  const bool expired = proposal.id == 0;
  AuditRecord record;
  record.at = entry.committed_at;
  record.log_index = entry.raft_index;
  record.term = entry.term;
  record.accepted_by = expired ? node : proposal.accepted_by;
  record.accepted_at = proposal.accepted_at;
  record.client = proposal.client;
  record.request = proposal.request;
  record.compared = std::holds_alternative<versions::TxnRequest>(*proposal.versions);
  std::vector<AuditRecord> records;
  for (const versions::VersionEvent& event : events) {
    const bool removed = event.is_removal();
    record.key = event.pair.key;
    record.value = event.pair.value;
    record.kind = expired ? Command::Kind::sweep : removed ? Command::Kind::remove : Command::Kind::set;
    record.event = event_of(event.pair, expired ? Action::expire : removed ? Action::remove : Action::set);
    records.push_back(record);
  }
  return records;
}

}  // namespace deimos::fake

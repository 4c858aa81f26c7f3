#include <map>
#include <set>

#include <deimos/fake/clock.h>
#include <deimos/testkit/checkers.h>
#include <deimos/testkit/history.h>

namespace deimos::testkit {
namespace {

using CommandKind = fake::Command::Kind;

const char* text_of(CommandKind kind) {
  switch (kind) {
    case CommandKind::set: return "set";
    case CommandKind::create: return "create";
    case CommandKind::create_in_order: return "create in order";
    case CommandKind::update: return "update";
    case CommandKind::compare_and_swap: return "compare and swap";
    case CommandKind::remove: return "delete";
    case CommandKind::compare_and_delete: return "compare and delete";
    case CommandKind::sweep: return "sweep";
    case CommandKind::expire: return "expire";
  }
  return "?";
}

std::string describe(const fake::AuditRecord& record) {
  std::string text = record.client + "'s " + text_of(record.kind) + " of " + record.key + " at " +
                     describe_time(record.at - fake::ManualClock::epoch);
  if (!record.value.empty()) text += ", value " + record.value;
  if (!record.previous_value.empty()) text += ", compared with value " + record.previous_value;
  if (record.previous_index != 0) text += ", compared with index " + std::to_string(record.previous_index);
  if (record.event) text += ", index " + std::to_string(record.event->index);
  return text;
}

class Audit {
 public:
  Audit(const LockHistory& history, bool repeated) : repeated_(repeated) {
    for (const Tenure& tenure : history.tenures) granted_[tenure.lock][tenure.fencing_token] = tenure.granted;
  }

  /// What is wrong with a change that was made; empty if nothing.
  std::string fault_of(const fake::AuditRecord& record, const std::string& prefix) {
    if (record.kind == CommandKind::create_in_order) {  // A new place in a queue: there was nothing to compare with.
      writers_[record.value] = record.client;
      return {};
    }
    if (!record.compared) return "compares with nothing";
    if (record.kind == CommandKind::create) return created(record, prefix);
    if (record.previous_value.empty()) {  // By its index: of a record that it was shown.
      if (!record.value.empty()) writers_[record.value] = record.client;
      return {};
    }
    const auto writer = writers_.find(record.previous_value);
    if (writer == writers_.end() || writer->second != record.client) return "compares with a value of another's";
    return {};
  }

 private:
  std::string created(const fake::AuditRecord& record, const std::string& prefix) {
    const Duration accepted = record.accepted_at - fake::ManualClock::epoch;
    const auto before = grants_.find(record.value);
    if (!repeated_ && before != grants_.end() && before->second < accepted) {
      return "brings back a value that was granted before";
    }
    writers_[record.value] = record.client;
    const auto& tokens = granted_[record.key.substr(prefix.size() + 1)];
    const auto granted = tokens.find(record.event->index);
    if (granted != tokens.end()) grants_[record.value] = granted->second;
    return {};
  }

  bool repeated_;
  std::map<std::string, std::map<std::uint64_t, Duration>> granted_;  // By lock and token: when.
  std::map<std::string, std::string> writers_;                        // By value: the client that wrote it.
  std::map<std::string, Duration> grants_;                            // By value: when it was known to be granted.
};

}  // namespace

Verdict ownership(const LockHistory& history, const std::vector<fake::AuditRecord>& audit, const std::string& prefix,
                  bool repeated) {
  Audit seen(history, repeated);
  for (const fake::AuditRecord& record : audit) {
    const bool client = record.kind != CommandKind::sweep && record.kind != CommandKind::expire;
    if (!client || record.error || !record.event || !record.key.starts_with(prefix + "/")) continue;
    const std::string fault = seen.fault_of(record, prefix);
    if (fault.empty()) continue;
    const Duration at = record.at - fake::ManualClock::epoch;
    return Verdict::wrong(
        "a change of a lock " + fault + ":\n  " + describe(record) + "\nbefore that:\n" + history.tail(40, at), at);
  }
  return {};
}

}  // namespace deimos::testkit

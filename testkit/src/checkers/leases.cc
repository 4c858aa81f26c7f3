#include <map>
#include <optional>

#include <deimos/fake/clock.h>
#include <deimos/testkit/checkers.h>
#include <deimos/testkit/history.h>

namespace deimos::testkit {
namespace {

/// The end of the lease of `tenure` as the last write of it left it that was committed while it was believed in, be it
/// sooner than one before had it; nothing if there was none or it has no end.
std::optional<Duration> end_of_lease(const Tenure& tenure, const std::vector<fake::AuditRecord>& audit,
                                     const std::string& prefix) {
  const std::string key = prefix + "/" + tenure.lock;
  const auto is_of_the_lock = [&](const std::string& other) {
    return other == key || other.starts_with(key + "/");  // A place in its queue.
  };
  std::string value;
  for (const fake::AuditRecord& record : audit) {
    if (record.event && record.event->index == tenure.fencing_token && is_of_the_lock(record.key)) value = record.value;
  }
  std::optional<Duration> end;
  for (const fake::AuditRecord& record : audit) {
    if (record.error || !record.event || !is_of_the_lock(record.key) || record.value.empty() || record.value != value)
      continue;
    if (record.at - fake::ManualClock::epoch > tenure.until) break;
    const auto& expiration = record.event->node.expiration;
    if (!expiration) return std::nullopt;
    end = *expiration - fake::ManualClock::epoch;
  }
  return end;
}

}  // namespace

Verdict leases(const LockHistory& history, const std::vector<fake::AuditRecord>& audit, const std::string& prefix) {
  for (const Tenure& tenure : history.tenures) {
    const std::optional<Duration> end = end_of_lease(tenure, audit, prefix);
    const Duration until = std::min(tenure.until, history.end);
    if (!end || until <= *end) continue;
    return Verdict::wrong("a lease ended at " + describe_time(*end) + ", and its owner did not know:\n  " +
                              describe(tenure) + "\nbefore that:\n" + history.tail(40, until),
                          until);
  }
  return {};
}

}  // namespace deimos::testkit

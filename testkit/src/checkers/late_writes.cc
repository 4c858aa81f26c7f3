#include <string>
#include <vector>

#include <deimos/testkit/fenced_storage.h>
#include <deimos/testkit/history.h>
#include <deimos/testkit/lock_history.h>

namespace deimos::testkit {
namespace {

/// Readers saw it, at least for a time.
bool was_applied(const StorageWrite& write) {
  return write.outcome == StorageWrite::Outcome::applied || write.outcome == StorageWrite::Outcome::lost;
}

}  // namespace

Verdict no_late_write(const std::vector<StorageWrite>& writes) {
  const StorageWrite* newest = nullptr;
  for (const StorageWrite& write : writes) {
    if (!was_applied(write)) continue;
    if (newest != nullptr && write.fencing_token < newest->fencing_token) {
      return Verdict::wrong("a late write was applied:\n  " + describe(*newest) + "\n  " + describe(write), write.at);
    }
    newest = &write;
  }
  return {};
}

Verdict no_late_write(const std::vector<StorageWrite>& writes, const LockHistory& locks, const std::string& lock) {
  if (Verdict verdict = no_late_write(writes); !verdict) return verdict;
  for (const StorageWrite& write : writes) {
    if (!was_applied(write)) continue;
    for (const Tenure& tenure : locks.tenures) {
      if (tenure.lock != lock || tenure.granted >= write.at || tenure.fencing_token <= write.fencing_token) continue;
      return Verdict::wrong("a write was applied after the lock had gone on:\n  " + describe(tenure) + "\n  " +
                                describe(write) + "\nbefore that:\n" + locks.tail(30, write.at),
                            write.at);
    }
  }
  return {};
}

}  // namespace deimos::testkit

#include "locks/watcher/lock_watcher.h"

#include <algorithm>
#include <set>
#include <utility>

#include "locks/admin/lock_admin.h"
#include "locks/queue/admission.h"
#include "locks/session/lock_value.h"

namespace deimos {
namespace {

/// The key of the lock that this record is of: itself, or the directory of the queue.
std::string lock_of(const LockRecord& record) {
  const bool is_place = value_of(record).kind != LockKind::mutex || is_limit_text(record.token);
  return is_place ? record.key.substr(0, record.key.rfind('/')) : record.key;
}

bool is_same_owner(const LockInfo& a, const LockInfo& b) {
  return a.key == b.key && lock_value_of(a.value).token == lock_value_of(b.value).token;
}

}  // namespace

LockWatcher::LockWatcher(const LockSession& session, OnChange on_change)
    : session_(session), on_change_(std::move(on_change)) {}

void LockWatcher::read(Listing listing) {
  std::set<std::string> locks;
  for (const auto& [lock, infos] : locks_) locks.insert(lock);
  records_.clear();
  for (LockRecord& record : listing.records) {
    if (session_.is_hidden(record.key)) continue;
    locks.insert(lock_of(record));
    std::string key = record.key;
    records_.emplace(std::move(key), std::move(record));
  }
  for (const std::string& lock : locks) compare(lock, LockChange::Kind::gone);
}

bool LockWatcher::changed(const Change& change) {
  if (session_.is_hidden(change.key)) return true;
  const auto known = records_.find(change.key);
  if (change.released) {
    // A directory with all below it; or something that was never a record.
    if (known == records_.end()) return false;
    const std::string lock = lock_of(known->second);
    records_.erase(known);
    compare(lock, change.expired ? LockChange::Kind::expired : LockChange::Kind::released);
    return true;
  }
  if (known == records_.end()) {
    LockRecord record;
    record.key = change.key;
    record.token = change.token;
    record.created_revision = record.revision = change.revision;
    record.ttl = change.ttl;
    record.foreign_place = change.foreign_place;
    const std::string lock = lock_of(record);
    records_.emplace(change.key, std::move(record));
    compare(lock, LockChange::Kind::gone);
    return true;
  }
  LockRecord& record = known->second;
  record.revision = change.revision;
  record.ttl = change.ttl;
  if (record.token == change.token) return true;  // Renewed.
  const std::string before = lock_of(record);
  record.token = change.token;
  record.foreign_place = change.foreign_place;
  compare(before, LockChange::Kind::expired);  // Taken over.
  if (lock_of(record) != before) compare(lock_of(record), LockChange::Kind::expired);
  return true;
}

void LockWatcher::compare(const std::string& lock, LockChange::Kind ended) {
  Listing listing;
  if (const auto own = records_.find(lock); own != records_.end()) listing.records.push_back(own->second);
  const std::string below = lock + '/';
  for (auto at = records_.lower_bound(below); at != records_.end() && at->first.starts_with(below); ++at) {
    if (lock_of(at->second) == lock) listing.records.push_back(at->second);
  }
  std::ranges::sort(listing.records, {}, &LockRecord::created_revision);
  std::vector<LockInfo> now = infos_below(session_, std::move(listing));
  std::vector<LockInfo> before = std::exchange(locks_[lock], now);
  if (now.empty()) locks_.erase(lock);
  const auto find_in = [](const std::vector<LockInfo>& infos, const LockInfo& wanted) {
    return std::ranges::find_if(infos, [&](const LockInfo& info) { return is_same_owner(info, wanted); });
  };
  for (const LockInfo& info : before) {
    if (find_in(now, info) == now.end()) on_change_({ended, info});
  }
  for (const LockInfo& info : now) {
    const auto was = find_in(before, info);
    if (was != before.end() && (info.waiting || !was->waiting)) continue;
    on_change_({info.waiting ? LockChange::Kind::queued : LockChange::Kind::acquired, info});
  }
}

}  // namespace deimos

#include "backends/etcd/etcd_remnants.h"

#include <algorithm>
#include <set>
#include <utility>

namespace deimos {
namespace {

/// Of which account is kept; beyond that the oldest are left to their lease.
constexpr std::size_t most_remnants = 10'000;

}  // namespace

EtcdRemnants::Remnants::iterator EtcdRemnants::find(const Record& record) {
  return std::ranges::find_if(remnants_, [&](const Remnant& remnant) {
    return remnant.record.key == record.key && remnant.record.token == record.token;
  });
}

void EtcdRemnants::add(Remnant remnant) {
  if (remnants_.size() == most_remnants) remnants_.erase(remnants_.begin());
  remnants_.push_back(std::move(remnant));
}

bool EtcdRemnants::begin_write(const Record& record) {
  const internal::LocalMutexLock lock(mutex_);
  const auto known = find(record);
  if (known == remnants_.end()) return true;
  if (known->removing) return false;
  known->wanted = true;
  return true;
}

void EtcdRemnants::left_behind(std::int64_t lease, const Record& record) {
  const internal::LocalMutexLock lock(mutex_);
  const auto known = find(record);
  if (known == remnants_.end()) return add({.lease = lease, .record = record, .may_come = 1});
  ++known->may_come;
  known->lease = lease;
  known->wanted = known->doomed = false;
}

void EtcdRemnants::written(const Record& record) {
  const internal::LocalMutexLock lock(mutex_);
  if (const auto known = find(record); known != remnants_.end()) known->wanted = true;
}

void EtcdRemnants::not_written(const Record& record) {
  const internal::LocalMutexLock lock(mutex_);
  if (const auto known = find(record); known != remnants_.end()) known->wanted = false;
}

bool EtcdRemnants::seen(const Record& record) {
  const internal::LocalMutexLock lock(mutex_);
  const auto known = find(record);
  if (known == remnants_.end() || known->wanted) return true;
  if (known->doomed) return false;
  if (--known->may_come > 0) {
    known->wanted = true;
  } else {
    remnants_.erase(known);
  }
  return true;
}

void EtcdRemnants::doomed(std::int64_t lease, const Record& record) {
  const internal::LocalMutexLock lock(mutex_);
  const auto known = find(record);
  if (known == remnants_.end()) return add({.lease = lease, .record = record, .doomed = true});
  known->doomed = true;
  known->wanted = false;
}

void EtcdRemnants::removed(const Record& record, bool was_there) {
  const internal::LocalMutexLock lock(mutex_);
  const auto known = find(record);
  if (known == remnants_.end()) return;
  // What was there was the one that its owner had, not one that may still turn up.
  if (was_there && !std::exchange(known->wanted, false)) --known->may_come;
  known->wanted = false;
  if (known->may_come <= 0) remnants_.erase(known);
}

std::vector<EtcdRemnants::Record> EtcdRemnants::begin_removal(std::size_t most) {
  std::vector<Record> taken;
  std::set<std::string> keys;  // A transaction may write each key once.
  const internal::LocalMutexLock lock(mutex_);
  for (Remnant& remnant : remnants_) {
    if (remnant.wanted || taken.size() == most || !keys.insert(remnant.record.key).second) continue;
    remnant.doomed = remnant.removing = true;
    taken.push_back(remnant.record);
  }
  return taken;
}

void EtcdRemnants::end_removal(const Record& record, Removal removal) {
  const internal::LocalMutexLock lock(mutex_);
  const auto known = find(record);
  if (known == remnants_.end() || removal == Removal::unclear) return;
  known->removing = false;
  if (removal == Removal::done) --known->may_come;
  if (removal != Removal::not_tried && known->may_come <= 0) remnants_.erase(known);
}

void EtcdRemnants::forget(const std::function<bool(std::int64_t lease)>& is_gone) {
  const internal::LocalMutexLock lock(mutex_);
  std::erase_if(remnants_, [&](const Remnant& remnant) { return remnant.lease != 0 && is_gone(remnant.lease); });
}

}  // namespace deimos

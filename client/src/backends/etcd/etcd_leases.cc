#include "backends/etcd/etcd_leases.h"

#include <algorithm>
#include <utility>

namespace deimos {
namespace {

/// Removed at once: no more fit into one transaction of etcd's (128 steps by default).
constexpr std::size_t most_at_once = 100;
/// Of which account is kept; beyond that the oldest are left to their lease.
constexpr std::size_t most_remnants = 10'000;

tl::unexpected<Error> passed_on(Error error) { return tl::unexpected<Error>(std::move(error)); }

tl::unexpected<Error> lease_is_over() { return fail(errc::lock_not_held, "the lease in etcd is over"); }

/// No record was written: that is certain, whatever became of the lease.
Error without_doubt(Error error) {
  if (error.code == errc::outcome_unknown) error.code = errc::unavailable;
  return error;
}

}  // namespace

EtcdLeases::EtcdLeases(EtcdGateway& gateway)
    : gateway_(gateway), runtime_(gateway.runtime()), changed_(runtime_.make_signal()) {}

std::int64_t EtcdLeases::make_id() {
  constexpr std::uint64_t most = 0x7fff'ffff'ffff'ffffU;
  return static_cast<std::int64_t>(std::max<std::uint64_t>(runtime_.random() & most, 1));
}

Result<EtcdLease> EtcdLeases::for_new_record(std::chrono::seconds ttl, const Deadline& until) {
  constexpr int share = 4;  // Of the ttl, that may be over: renewals begin later than that.
  const TimePoint fresh = saturating_add(runtime_.now(), -Duration(ttl) / share);
  // A lease may turn out to be over; the one made then is not.
  for (int round = 0;; ++round) {
    std::int64_t id = 0;
    {
      const internal::LocalMutexLock lock(mutex_);
      std::int64_t& current = current_[ttl];
      const auto known = leases_.find(current);
      const bool lapsed =
          known != leases_.end() && known->second.granted && saturating_add(known->second.sent, ttl) <= runtime_.now();
      if (known == leases_.end() || lapsed) {
        drop_unused();
        current = make_id();
        leases_[current].ttl = ttl;
      }
      id = current;
    }
    Result<EtcdLease> lease = kept_alive(id, fresh, until);
    if (lease || lease.error().code != errc::lock_not_held || round > 0) return lease;
  }
}

Result<EtcdLease> EtcdLeases::kept_alive(std::int64_t id, TimePoint not_before, const Deadline& until) {
  internal::LocalMutexLock lock(mutex_);
  for (;;) {
    const auto found = leases_.find(id);
    if (found == leases_.end()) return lease_is_over();
    if (found->second.granted && found->second.sent >= not_before) return EtcdLease{id, found->second.sent};
    if (!found->second.busy) {
      found->second.busy = true;
      lock.unlock();
      const Result<void> asked = ask(id, until);
      lock.lock();
      const auto again = leases_.find(id);
      if (again != leases_.end()) {
        again->second.busy = false;
        if (!asked && asked.error().code != errc::cancelled) {
          ++again->second.failures;
          again->second.failure = asked.error();
        }
      }
      changed_->notify();
      if (!asked) return passed_on(asked.error());
      continue;
    }
    // Whoever asks does it for all; also in vain.
    const std::uint64_t failures = found->second.failures;
    std::optional<Error> failure;
    const bool over = wait_until(*changed_, lock.native(), until.at, until.stop, runtime_, [&] {
      mutex_.assert_held();
      const auto now = leases_.find(id);
      if (now == leases_.end()) return true;
      if (now->second.failures != failures) failure = now->second.failure;
      return failure.has_value() || !now->second.busy;
    });
    if (failure) return passed_on(*failure);
    if (over) continue;
    if (until.stop.stop_requested()) return fail(errc::cancelled, "by the caller");
    return fail(errc::unavailable, "the lease in etcd could not be kept alive in time");
  }
}

Result<void> EtcdLeases::ask(std::int64_t id, const Deadline& until) {
  bool granted = false;
  bool in_use = false;
  std::chrono::seconds ttl{};
  {
    const internal::LocalMutexLock lock(mutex_);
    const Shared& shared = leases_.at(id);
    granted = shared.granted;
    ttl = shared.ttl;
    in_use = std::ranges::any_of(records_, [id](const auto& record) { return record.second.lease == id; });
  }
  if (granted) remove_remnants(until);
  const TimePoint sent = runtime_.now();
  const Result<void> kept = granted ? gateway_.keep_alive(id, until) : gateway_.grant(id, ttl, until);
  if (!kept) {
    if (!granted || kept.error().code != errc::key_not_found) return passed_on(without_doubt(kept.error()));
    forget(id);
    return lease_is_over();
  }
  std::vector<std::string> keys;
  if (granted && in_use) {
    Result<std::vector<std::string>> read = gateway_.keys_of(id, until);
    if (!read) return passed_on(without_doubt(read.error()));
    keys = std::move(*read);
  }
  const internal::LocalMutexLock lock(mutex_);
  const auto shared = leases_.find(id);
  if (shared == leases_.end()) return lease_is_over();
  shared->second.granted = true;
  shared->second.sent = sent;
  shared->second.failure.reset();
  shared->second.seen = {std::move_iterator(keys.begin()), std::move_iterator(keys.end())};
  return {};
}

void EtcdLeases::remove_remnants(const Deadline& until) {
  std::vector<Remnant> asked;
  {
    const internal::LocalMutexLock lock(mutex_);
    std::set<std::string> keys;  // A transaction may write each key once.
    for (Remnant& remnant : remnants_) {
      if (asked.size() == most_at_once || !keys.insert(remnant.key).second) continue;
      remnant.doomed = true;  // From here on it may go at any time.
      asked.push_back(remnant);
    }
  }
  if (asked.empty()) return;
  etcd::Txn all;
  for (const Remnant& remnant : asked) {
    all.then_txn(etcd::Txn().if_value(remnant.key, remnant.token).then_remove(remnant.key));
  }
  const Result<etcd::TxnAnswer> answer = gateway_.txn(all, asked.front().key, until);
  if (!answer) return;
  for (std::size_t i = 0; i < std::min(asked.size(), answer->nested_succeeded.size()); ++i) {
    removed(asked[i].key, asked[i].token, answer->nested_succeeded[i]);
  }
}

void EtcdLeases::drop_unused() {
  std::set<std::int64_t> used;
  for (const auto& [key, record] : records_) used.insert(record.lease);
  const TimePoint now = runtime_.now();
  std::erase_if(leases_, [&](const auto& entry) {
    const Shared& shared = entry.second;
    return !shared.busy && !used.contains(entry.first) && saturating_add(shared.sent, shared.ttl) <= now;
  });
  std::erase_if(remnants_, [&](const Remnant& remnant) {
    mutex_.assert_held();
    return remnant.lease != 0 && !leases_.contains(remnant.lease);
  });
}

void EtcdLeases::forget_locked(std::int64_t id) {
  leases_.erase(id);
  std::erase_if(current_, [id](const auto& entry) { return entry.second == id; });
  std::erase_if(records_, [id](const auto& record) { return record.second.lease == id; });
  std::erase_if(remnants_, [id](const Remnant& remnant) { return remnant.lease == id; });
}

void EtcdLeases::forget(std::int64_t id) {
  {
    const internal::LocalMutexLock lock(mutex_);
    forget_locked(id);
  }
  changed_->notify();
}

std::vector<std::int64_t> EtcdLeases::take_all() {
  std::vector<std::int64_t> all;
  const internal::LocalMutexLock lock(mutex_);
  for (const auto& [id, shared] : leases_) {
    if (shared.granted) all.push_back(id);
  }
  leases_.clear();
  current_.clear();
  records_.clear();
  remnants_.clear();
  return all;
}

std::optional<TimePoint> EtcdLeases::runs_from(std::int64_t id) const {
  const internal::LocalMutexLock lock(mutex_);
  const auto found = leases_.find(id);
  return found == leases_.end() ? std::nullopt : std::optional(found->second.sent);
}

void EtcdLeases::attach(std::int64_t id, const std::string& key, const std::string& token) {
  const internal::LocalMutexLock lock(mutex_);
  if (leases_.contains(id)) records_[key] = {id, token};
}

void EtcdLeases::detach(const std::string& key) {
  const internal::LocalMutexLock lock(mutex_);
  records_.erase(key);
}

std::optional<std::int64_t> EtcdLeases::lease_of(const std::string& key, const std::string& token) const {
  const internal::LocalMutexLock lock(mutex_);
  const auto found = records_.find(key);
  if (found == records_.end() || found->second.token != token) return std::nullopt;
  return found->second.lease;
}

bool EtcdLeases::was_seen(std::int64_t id, const std::string& key) const {
  const internal::LocalMutexLock lock(mutex_);
  const auto found = leases_.find(id);
  return found != leases_.end() && found->second.seen.contains(key);
}

std::vector<EtcdLeases::Remnant>::iterator EtcdLeases::find_remnant(const std::string& key, const std::string& token) {
  return std::ranges::find_if(remnants_,
                              [&](const Remnant& remnant) { return remnant.key == key && remnant.token == token; });
}

void EtcdLeases::add_remnant(Remnant remnant) {
  if (remnants_.size() == most_remnants) remnants_.erase(remnants_.begin());
  remnants_.push_back(std::move(remnant));
}

void EtcdLeases::left_behind(std::int64_t id, const std::string& key, const std::string& token) {
  const internal::LocalMutexLock lock(mutex_);
  if (!leases_.contains(id) || find_remnant(key, token) != remnants_.end()) return;
  add_remnant({.lease = id, .key = key, .token = token, .may_come = true});
}

void EtcdLeases::doomed(const std::string& key, const std::string& token) {
  const internal::LocalMutexLock lock(mutex_);
  if (const auto known = find_remnant(key, token); known != remnants_.end()) {
    known->doomed = true;
    return;
  }
  const auto record = records_.find(key);
  const bool attached = record != records_.end() && record->second.token == token;
  add_remnant({.lease = attached ? record->second.lease : 0, .key = key, .token = token, .doomed = true});
}

void EtcdLeases::removed(const std::string& key, const std::string& token, bool was_there) {
  const internal::LocalMutexLock lock(mutex_);
  const auto known = find_remnant(key, token);
  if (known != remnants_.end() && (was_there || !known->may_come)) remnants_.erase(known);
}

bool EtcdLeases::may_be_had(const std::string& key, const std::string& token) {
  const internal::LocalMutexLock lock(mutex_);
  const auto known = find_remnant(key, token);
  if (known == remnants_.end()) return true;
  if (known->doomed) return false;
  remnants_.erase(known);
  return true;
}

}  // namespace deimos

#include "backends/etcd/etcd_leases.h"

#include <algorithm>
#include <utility>

namespace deimos {
namespace {

/// Removed at once: no more fit into one transaction of etcd's (128 steps by default).
constexpr std::size_t most_at_once = 100;

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
    if (lease || lease.error().code != errc::lock_not_held) return lease;
    if (round > 0) return fail(errc::unavailable, "etcd forgets each lease as soon as it has granted it");
  }
}

Result<EtcdLease> EtcdLeases::kept_alive(std::int64_t id, TimePoint not_before, const Deadline& until) {
  for (;;) {
    {
      internal::LocalMutexLock lock(mutex_);
      const auto found = leases_.find(id);
      if (found == leases_.end()) return lease_is_over();
      Shared& shared = found->second;
      if (shared.granted && shared.sent >= not_before) return EtcdLease{id, shared.sent};
      if (shared.busy) {
        if (auto why = wait_for_other(id, shared.failures, lock, until)) return passed_on(std::move(*why));
        continue;
      }
      shared.busy = true;
    }
    const Result<void> asked = ask_for_all(id, until);
    if (!asked) return passed_on(asked.error());
  }
}

std::optional<Error> EtcdLeases::wait_for_other(std::int64_t id, std::uint64_t failures, internal::LocalMutexLock& lock,
                                                const Deadline& until) {
  std::optional<Error> failure;
  const bool over = wait_until(*changed_, lock.native(), until.at, until.stop, runtime_, [&] {
    mutex_.assert_held();
    const auto now = leases_.find(id);
    if (now == leases_.end()) return true;
    if (now->second.failures != failures) failure = now->second.failure;
    return failure.has_value() || !now->second.busy;
  });
  if (failure || over) return failure;
  if (until.stop.stop_requested()) return fail(errc::cancelled, "by the caller").value();
  return fail(errc::unavailable, "the lease in etcd could not be kept alive in time").value();
}

Result<void> EtcdLeases::ask_for_all(std::int64_t id, const Deadline& until) {
  /// Also if an exception passes through.
  struct Done {
    EtcdLeases& self;
    std::int64_t id;
    std::optional<Error> failure = fail(errc::unavailable, "whoever asked for the lease was ended").value();
    ~Done() {
      {
        const internal::LocalMutexLock lock(self.mutex_);
        const auto found = self.leases_.find(id);
        if (found != self.leases_.end()) {
          found->second.busy = false;
          if (failure) ++found->second.failures;
          if (failure) found->second.failure = std::move(failure);
        }
      }
      self.changed_->notify();
    }
  } done{*this, id};
  Result<void> asked = ask(id, until);
  done.failure.reset();
  // That one was cancelled says nothing to the others.
  if (!asked && asked.error().code != errc::cancelled) done.failure = asked.error();
  return asked;
}

Result<void> EtcdLeases::ask(std::int64_t id, const Deadline& until) {
  bool granted = false;
  bool in_use = false;
  std::chrono::seconds ttl{};
  TimePoint from = runtime_.now();
  {
    const internal::LocalMutexLock lock(mutex_);
    const auto found = leases_.find(id);
    if (found == leases_.end()) return lease_is_over();
    Shared& shared = found->second;
    granted = shared.granted;
    ttl = shared.ttl;
    if (shared.asked_first == TimePoint::min()) shared.asked_first = from;
    in_use = std::ranges::any_of(records_, [id](const auto& record) { return record.second.lease == id; });
  }
  std::set<std::string> seen;
  if (!granted) {
    const Result<bool> is_new = gateway_.grant(id, ttl, until);
    if (!is_new) return passed_on(without_doubt(is_new.error()));
    if (!*is_new) from = TimePoint::min();  // Of the first request at the earliest.
  } else {
    remove_remnants(until);
    from = runtime_.now();
    const Result<void> kept = gateway_.keep_alive(id, until);
    if (!kept && kept.error().code == errc::key_not_found) {
      forget(id);
      return lease_is_over();
    }
    if (!kept) return passed_on(without_doubt(kept.error()));
    if (in_use) {
      Result<std::vector<std::string>> keys = gateway_.keys_of(id, until);
      if (!keys) return passed_on(without_doubt(keys.error()));
      seen = {std::move_iterator(keys->begin()), std::move_iterator(keys->end())};
    }
  }
  const internal::LocalMutexLock lock(mutex_);
  const auto found = leases_.find(id);
  if (found == leases_.end()) return lease_is_over();
  found->second.granted = true;
  found->second.sent = std::max(from, found->second.asked_first);
  found->second.failure.reset();
  found->second.seen = std::move(seen);
  return {};
}

void EtcdLeases::remove_remnants(const Deadline& until) {
  using Removal = EtcdRemnants::Removal;
  const std::vector<EtcdRemnants::Record> asked = remnants_.begin_removal(most_at_once);
  if (asked.empty()) return;
  etcd::Txn all;
  for (const EtcdRemnants::Record& record : asked) {
    all.then_txn(etcd::Txn().if_value(record.key, record.token).then_remove(record.key));
  }
  const Result<etcd::TxnAnswer> answer = gateway_.txn(all, asked.front().key, until);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (!answer) {
      remnants_.end_removal(asked[i],
                            answer.error().code == condition::outcome_unknown ? Removal::unclear : Removal::not_tried);
    } else if (i < answer->nested_succeeded.size()) {
      remnants_.end_removal(asked[i], answer->nested_succeeded[i] ? Removal::done : Removal::not_there);
    }
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
  remnants_.forget([&](std::int64_t lease) {
    mutex_.assert_held();
    return !leases_.contains(lease);
  });
}

void EtcdLeases::forget_locked(std::int64_t id) {
  leases_.erase(id);
  std::erase_if(current_, [id](const auto& entry) { return entry.second == id; });
  std::erase_if(records_, [id](const auto& record) { return record.second.lease == id; });
  remnants_.forget([id](std::int64_t lease) { return lease == id; });
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
  return all;
}

std::optional<TimePoint> EtcdLeases::runs_from(std::int64_t id) const {
  const internal::LocalMutexLock lock(mutex_);
  const auto found = leases_.find(id);
  return found == leases_.end() ? std::nullopt : std::optional(found->second.sent);
}

void EtcdLeases::attach(std::int64_t id, const std::string& key, const std::string& token, TimePoint from) {
  const internal::LocalMutexLock lock(mutex_);
  if (leases_.contains(id)) records_[key] = {id, token, from};
}

TimePoint EtcdLeases::due_since(const std::string& key, std::chrono::seconds ttl) const {
  constexpr int share = 10;
  const TimePoint recently = saturating_add(runtime_.now(), -Duration(ttl) / share);
  const internal::LocalMutexLock lock(mutex_);
  const auto found = records_.find(key);
  return found == records_.end() ? recently : std::max(recently, saturating_add(found->second.from, Duration(1)));
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

void EtcdLeases::doomed(const std::string& key, const std::string& token) {
  std::int64_t lease = 0;
  {
    const internal::LocalMutexLock lock(mutex_);
    const auto record = records_.find(key);
    if (record != records_.end() && record->second.token == token) lease = record->second.lease;
  }
  remnants_.doomed(lease, {key, token});
}

}  // namespace deimos

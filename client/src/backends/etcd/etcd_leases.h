// The leases that one backend keeps in etcd: one for each ttl, shared by all records of that ttl, and kept alive once
// for all of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <deimos/error.h>
#include <deimos/internal/local_mutex.h>
#include <deimos/lock_backend.h>
#include <deimos/runtime.h>

#include "backends/etcd/etcd_gateway.h"
#include "backends/etcd/etcd_remnants.h"

namespace deimos {

/// A lease, and from when it runs: when the request was sent that granted it or kept it alive last.
struct EtcdLease {
  std::int64_t id = 0;
  TimePoint from;
};

/// Thread-safe. Holds no mutex while it asks the store.
class EtcdLeases {
 public:
  explicit EtcdLeases(EtcdGateway& gateway);

  /// For a new record: granted if there is none of that ttl, kept alive if that has not happened for a while. No
  /// failure is of condition::outcome_unknown but errc::cancelled.
  [[nodiscard]] Result<EtcdLease> for_new_record(std::chrono::seconds ttl, const Deadline& until);
  /// Kept alive by a request sent at `not_before` or later, whoever sent it; after what was left behind on it has been
  /// removed. errc::lock_not_held if it is over.
  [[nodiscard]] Result<EtcdLease> kept_alive(std::int64_t id, TimePoint not_before, const Deadline& until);
  /// What is on it ends by itself.
  void forget(std::int64_t id);
  /// All that are not over, and forgets them.
  [[nodiscard]] std::vector<std::int64_t> take_all();
  /// From when it runs; none if it is not one of these.
  [[nodiscard]] std::optional<TimePoint> runs_from(std::int64_t id) const;

  // Records. One is on a lease if the store has said so and nothing since may have changed it.

  /// Its holder was told that its lease runs from `from`.
  void attach(std::int64_t id, const std::string& key, const std::string& token, TimePoint from);
  void detach(const std::string& key);
  /// On which lease `key` is with `token`, as far as is known.
  [[nodiscard]] std::optional<std::int64_t> lease_of(const std::string& key, const std::string& token) const;
  /// A renewal of that record is served by a keep-alive of then or later: the locks of a lease are renewed at about the
  /// same time, and one keep-alive is for all of them; but each renewal is served by one that is new to its record.
  [[nodiscard]] TimePoint due_since(const std::string& key, std::chrono::seconds ttl) const;
  /// When that lease was kept alive last, `key` was seen on it.
  [[nodiscard]] bool was_seen(std::int64_t id, const std::string& key) const;

  /// What may be left of records on these leases: removed before one of them is kept alive.
  [[nodiscard]] EtcdRemnants& remnants() noexcept { return remnants_; }
  /// Its owner could not remove it.
  void doomed(const std::string& key, const std::string& token);

 private:
  struct Shared {
    std::chrono::seconds ttl{};
    TimePoint sent = TimePoint::min();         ///< When it was granted or kept alive last.
    TimePoint asked_first = TimePoint::min();  ///< When it was to be granted for the first time.
    bool granted = false;
    bool busy = false;  ///< Somebody asks for it right now.
    std::uint64_t failures = 0;
    std::optional<Error> failure;  ///< The last one.
    std::set<std::string> seen;
  };
  struct Attached {
    std::int64_t lease = 0;
    std::string token;
    TimePoint from;
  };

  /// Grants the lease or keeps it alive, for all who wait for that.
  [[nodiscard]] Result<void> ask_for_all(std::int64_t id, const Deadline& until);
  [[nodiscard]] Result<void> ask(std::int64_t id, const Deadline& until);
  /// Until whoever asks is done; why it failed since there were so many `failures`, or why it is not waited for.
  [[nodiscard]] std::optional<Error> wait_for_other(std::int64_t id, std::uint64_t failures,
                                                    internal::LocalMutexLock& lock, const Deadline& until)
      DEIMOS_REQUIRES(mutex_);
  void remove_remnants(const Deadline& until);
  /// Leases that are over, and that no record is on.
  void drop_unused() DEIMOS_REQUIRES(mutex_);
  void forget_locked(std::int64_t id) DEIMOS_REQUIRES(mutex_);
  [[nodiscard]] std::int64_t make_id();

  EtcdGateway& gateway_;
  Runtime& runtime_;
  const std::unique_ptr<Signal> changed_;
  EtcdRemnants remnants_;
  mutable internal::LocalMutex mutex_;
  std::map<std::int64_t, Shared> leases_ DEIMOS_GUARDED_BY(mutex_);
  std::map<std::chrono::seconds, std::int64_t> current_ DEIMOS_GUARDED_BY(mutex_);  ///< By ttl: for new records.
  std::map<std::string, Attached> records_ DEIMOS_GUARDED_BY(mutex_);               ///< By key.
};

}  // namespace deimos

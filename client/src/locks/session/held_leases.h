// The leases that a session holds, and which of them needs something next.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <deimos/internal/local_mutex.h>
#include <deimos/runtime.h>

#include "locks/session/lock_acquisition.h"

namespace deimos {

/// Hears of the end of a lease; kept alive for as long as that is held.
class LeaseUser {
 public:
  virtual void lease_ended() = 0;

 protected:
  ~LeaseUser() = default;
};

/// Thread-safe; calls nobody.
class HeldLeases {
 public:
  struct Held {
    std::shared_ptr<LockAcquisition> acquisition;
    std::shared_ptr<LeaseUser> user;
  };

  void add(Held held);
  /// None if it is not here (any more).
  std::optional<Held> remove(const LockAcquisition& acquisition);
  /// Null if there is none of that token.
  [[nodiscard]] std::shared_ptr<LockAcquisition> find(const std::string& token) const;
  /// All, oldest first.
  [[nodiscard]] std::vector<std::shared_ptr<LockAcquisition>> all() const;

  /// Its deadline or its next renewal has changed; a renewal that was taken is over.
  void reschedule(const LockAcquisition& acquisition);

  /// Those whose deadline has come; each once.
  [[nodiscard]] std::vector<std::shared_ptr<LockAcquisition>> take_overdue(TimePoint now);
  [[nodiscard]] TimePoint next_deadline() const;

  /// How many renewals have become due since it was last asked.
  [[nodiscard]] std::size_t count_newly_due(TimePoint now);
  /// The one that is due and ends first, and when it was to be renewed; not due again until reschedule(). Null if none
  /// is.
  [[nodiscard]] std::pair<std::shared_ptr<LockAcquisition>, TimePoint> take_due();
  /// When the next renewal becomes due.
  [[nodiscard]] TimePoint next_renewal() const;

 private:
  /// By instant, then by age: the same order in every run.
  using Schedule = std::set<std::pair<TimePoint, std::uint64_t>>;
  struct Entry {
    Held held;
    TimePoint deadline = TimePoint::max();  ///< In by_deadline_; max: not there.
    TimePoint renewal = TimePoint::max();   ///< In by_renewal_ or due_; max: in neither.
    TimePoint due_deadline = TimePoint::max();
    bool due = false;
  };

  void schedule(std::uint64_t number, Entry& entry) DEIMOS_REQUIRES(mutex_);
  void unschedule(std::uint64_t number, Entry& entry) DEIMOS_REQUIRES(mutex_);

  mutable internal::LocalMutex mutex_;
  std::map<std::string, std::uint64_t> numbers_ DEIMOS_GUARDED_BY(mutex_);  // By token.
  std::map<std::uint64_t, Entry> entries_ DEIMOS_GUARDED_BY(mutex_);
  std::uint64_t last_number_ DEIMOS_GUARDED_BY(mutex_) = 0;
  Schedule by_deadline_ DEIMOS_GUARDED_BY(mutex_);
  Schedule by_renewal_ DEIMOS_GUARDED_BY(mutex_);
  Schedule due_ DEIMOS_GUARDED_BY(mutex_);  // Due renewals, by deadline.
};

}  // namespace deimos

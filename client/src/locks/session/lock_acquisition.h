// One acquisition of a lock: from the write that granted it to its release or loss, exactly one of which ends it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include <deimos/error.h>
#include <deimos/internal/local_mutex.h>
#include <deimos/runtime.h>

#include "locks/session/lock_lease.h"

namespace deimos {

/// Writes of a token whose outcome was never learned: the record may still turn up until `until`.
struct InDoubtWrites {
  int unresolved = 0;
  TimePoint until = TimePoint::min();
};

struct LockGrant {
  std::string token;
  std::uint64_t fencing_token = 0;
  TimePoint sent;  ///< When the granting write was sent: the lease counts from here.
  InDoubtWrites residue;
};

/// What calls say in a child of fork(): errc::closed. Nothing is touched there, least of all a mutex, which somebody
/// may have held when the process forked.
[[nodiscard]] Error error_after_fork();

/// Thread-safe. Nothing here waits or talks.
class LockAcquisition {
 public:
  /// What the caller asked for.
  struct AcquisitionOptions {
    Duration max_hold = Duration::max();
    bool auto_renew = true;
    std::function<void(const Error&)> on_lost;
  };

  LockAcquisition(std::shared_ptr<Runtime> runtime, std::string name, std::string key, LockLease lease, LockGrant grant,
                  AcquisitionOptions wishes);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& key() const noexcept { return key_; }
  [[nodiscard]] const std::string& token() const noexcept { return grant_.token; }
  [[nodiscard]] std::uint64_t fencing_token() const noexcept { return grant_.fencing_token; }
  [[nodiscard]] const InDoubtWrites& residue() const noexcept { return grant_.residue; }
  [[nodiscard]] const LockLease& lease() const noexcept { return lease_; }
  [[nodiscard]] std::stop_token lost() const noexcept { return lost_.get_token(); }

  /// Neither ended nor past its deadline. Once false, it stays so.
  [[nodiscard]] bool is_held() const;
  [[nodiscard]] bool is_releasing() const;
  [[nodiscard]] TimePoint deadline() const;
  /// Until when the store may keep the record, as far as we know; there is none of ours later.
  [[nodiscard]] TimePoint last_trace() const;
  /// Why it is not held.
  [[nodiscard]] Error why_not_held() const;

  /// Ends it for the caller's release, which must follow; false if it is over already.
  bool begin_release();
  void finish_release();
  /// Ends it as lost: true for the one call that did.
  bool lose(const Error& why);
  /// Triggers lost(), then calls `report`, then the user back: runs the user's code.
  void announce_loss(const std::function<void()>& report);

  /// A renewal is about to be sent.
  void renewal_sent(TimePoint sent);
  /// The renewal sent then was applied, by a write of that revision: false if the deadline had passed before that was
  /// known.
  bool renewed(TimePoint sent, std::uint64_t revision);
  /// A renewal sent at `refused` was refused, because one sent before it, of which we never heard, had been applied, by
  /// the write of that revision: the lease counts from the first that may have been the one.
  void earlier_renewal_applied(TimePoint refused, std::uint64_t revision);
  /// Of the last write of the record that we know of.
  [[nodiscard]] std::uint64_t revision() const;
  /// The renewal was not applied, or that is not known: try again after a pause, a `jitter` of 0 to 1 of it random.
  void renewal_failed(const std::string& endpoint, double jitter);
  /// Which endpoint failed for the last renewal; empty: none.
  [[nodiscard]] std::string failed_endpoint() const;
  void pause_renewal(bool paused);
  /// When the renewing task should renew it; TimePoint::max() if never.
  [[nodiscard]] TimePoint next_renewal() const;

 private:
  enum class State { held, releasing, released, lost };

  [[nodiscard]] TimePoint deadline_from(TimePoint sent) const noexcept;

  const std::shared_ptr<Runtime> runtime_;
  const std::string name_;
  const std::string key_;
  const LockLease lease_;
  const LockGrant grant_;
  const TimePoint hold_limit_;
  const std::function<void(const Error&)> on_lost_;
  std::stop_source lost_;

  mutable internal::LocalMutex mutex_;
  State state_ DEIMOS_GUARDED_BY(mutex_) = State::held;
  TimePoint deadline_ DEIMOS_GUARDED_BY(mutex_);
  TimePoint next_renewal_ DEIMOS_GUARDED_BY(mutex_);
  TimePoint last_sent_ DEIMOS_GUARDED_BY(mutex_);
  std::optional<TimePoint> unclear_since_ DEIMOS_GUARDED_BY(mutex_);  ///< The first renewal without a clear answer.
  std::uint64_t revision_ DEIMOS_GUARDED_BY(mutex_);
  int failures_ DEIMOS_GUARDED_BY(mutex_) = 0;
  std::string failed_endpoint_ DEIMOS_GUARDED_BY(mutex_);
  bool paused_ DEIMOS_GUARDED_BY(mutex_) = false;
  Error loss_ DEIMOS_GUARDED_BY(mutex_);
};

}  // namespace deimos

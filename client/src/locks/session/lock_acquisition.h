// One acquisition of a lock: from the write that granted it, or that put it into a queue, to its release or loss,
// exactly one of which ends it.
//
//   queued ─ admit() ─→ held ─ begin_release() ─→ releasing ─ finish_release() ─→ released
//      │ abandon() → released      │
//      └────────── lose() ─────────┴──→ lost
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include <deimos/error.h>
#include <deimos/internal/local_mutex.h>
#include <deimos/release_request.h>
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
  InDoubtWrites residue = {};
  std::string text = {};       ///< What was written, if that is more than the token.
  std::uint64_t revision = 0;  ///< Of the record's last write, if that is not the one of the fencing token.
};

/// What a record of ours holds, as far as we know, and what it is to hold.
struct OwnRecord {
  std::string key;
  std::string token;
  std::string text;
  std::string wanted;  ///< Differs from `text` until the store has confirmed it.
  std::uint64_t revision = 0;
  /// It was written anew with another text at some time: a compare with `text` that fails proves nothing.
  bool rewritten = false;
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

  enum class State { queued, held, releasing, released, lost };

  LockAcquisition(std::shared_ptr<Runtime> runtime, std::string name, std::string key, LockLease lease, LockGrant grant,
                  AcquisitionOptions wishes, State begins = State::held);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& key() const noexcept { return key_; }
  [[nodiscard]] const std::string& token() const noexcept { return grant_.token; }
  [[nodiscard]] std::uint64_t fencing_token() const noexcept { return grant_.fencing_token; }
  [[nodiscard]] const InDoubtWrites& residue() const noexcept { return grant_.residue; }
  [[nodiscard]] const LockLease& lease() const noexcept { return lease_; }
  [[nodiscard]] std::stop_token lost() const noexcept { return lost_.get_token(); }
  [[nodiscard]] std::stop_token asked_to_release() const noexcept { return asked_.get_token(); }
  /// The latest.
  [[nodiscard]] std::optional<ReleaseRequest> release_request() const;

  /// Neither ended nor past its deadline. Once held, and then not, it stays so.
  [[nodiscard]] bool is_held() const;
  /// As is_held(), also while it is queued.
  [[nodiscard]] bool is_live() const;
  [[nodiscard]] bool is_releasing() const;
  [[nodiscard]] TimePoint deadline() const;
  /// Until when the store may keep the record, as far as we know; there is none of ours later.
  [[nodiscard]] TimePoint last_trace() const;
  /// Why it is not held.
  [[nodiscard]] Error why_not_held() const;
  /// From when it was held to its release or loss, or to now; 0 if it never was.
  [[nodiscard]] Duration held_for() const;

  /// It was queued, and now its owner holds the lock; false if its place was lost.
  [[nodiscard]] bool admit();
  /// Leaves the queue; false if it is not in it.
  [[nodiscard]] bool abandon();
  /// Ends it for the caller's release, which must follow; false if it is over already.
  bool begin_release();
  void finish_release();
  /// Ends it as lost: for the one call that did, what it was before.
  std::optional<State> lose(const Error& why);
  /// Triggers lost() of one that was queued: nobody outside this library has it.
  void place_lost() { lost_.request_stop(); }
  /// Its holder is asked to let go: triggers asked_to_release(), which runs the user's code. False if the holder knows
  /// of this request.
  bool ask_to_release(const ReleaseRequest& request);
  /// Triggers lost(), then calls `report`, then the user back: runs the user's code.
  void announce_loss(const std::function<void()>& report);

  /// A renewal is about to be sent.
  void renewal_sent(TimePoint sent);
  /// The renewal sent then was applied, by a write of that revision and text: false if the deadline had passed before
  /// that was known.
  bool renewed(TimePoint sent, std::uint64_t revision, const std::string& text);
  /// A renewal sent at `refused` was refused, because one sent before it, of which we never heard, had been applied, by
  /// the write of that revision and text: the lease counts from the first that may have been the one.
  void earlier_renewal_applied(TimePoint refused, std::uint64_t revision, const std::string& text);
  [[nodiscard]] OwnRecord record() const;
  /// From the next renewal on, which is due at once, the record is to hold this.
  void want_text(std::string text);
  /// The renewal was not applied, or that is not known: try again after a pause, a `jitter` of 0 to 1 of it random.
  void renewal_failed(const std::string& endpoint, double jitter);
  /// Which endpoint failed for the last renewal; empty: none.
  [[nodiscard]] std::string failed_endpoint() const;
  void pause_renewal(bool paused);
  /// When the renewing task should renew it; TimePoint::max() if never.
  [[nodiscard]] TimePoint next_renewal() const;

 private:
  [[nodiscard]] bool is_live_now() const DEIMOS_REQUIRES(mutex_);
  void written(std::uint64_t revision, const std::string& text) DEIMOS_REQUIRES(mutex_);
  [[nodiscard]] TimePoint deadline_from(TimePoint sent) const noexcept DEIMOS_REQUIRES(mutex_);

  const std::shared_ptr<Runtime> runtime_;
  const std::string name_;
  const std::string key_;
  const LockLease lease_;
  const LockGrant grant_;
  const Duration max_hold_;
  const std::function<void(const Error&)> on_lost_;
  std::stop_source lost_;
  std::stop_source asked_;

  mutable internal::LocalMutex mutex_;
  State state_ DEIMOS_GUARDED_BY(mutex_);
  std::optional<TimePoint> held_since_ DEIMOS_GUARDED_BY(mutex_);
  std::optional<TimePoint> ended_at_ DEIMOS_GUARDED_BY(mutex_);
  TimePoint hold_limit_ DEIMOS_GUARDED_BY(mutex_);
  TimePoint deadline_ DEIMOS_GUARDED_BY(mutex_);
  TimePoint next_renewal_ DEIMOS_GUARDED_BY(mutex_);
  TimePoint last_sent_ DEIMOS_GUARDED_BY(mutex_);
  std::optional<TimePoint> unclear_since_ DEIMOS_GUARDED_BY(mutex_);  ///< The first renewal without a clear answer.
  std::uint64_t revision_ DEIMOS_GUARDED_BY(mutex_);  ///< Of the last write of the record that we know of.
  std::string text_ DEIMOS_GUARDED_BY(mutex_);
  std::string wanted_ DEIMOS_GUARDED_BY(mutex_);
  bool rewritten_ DEIMOS_GUARDED_BY(mutex_) = false;
  int failures_ DEIMOS_GUARDED_BY(mutex_) = 0;
  std::string failed_endpoint_ DEIMOS_GUARDED_BY(mutex_);
  bool paused_ DEIMOS_GUARDED_BY(mutex_) = false;
  Error loss_ DEIMOS_GUARDED_BY(mutex_);
  std::optional<ReleaseRequest> request_ DEIMOS_GUARDED_BY(mutex_);
};

}  // namespace deimos

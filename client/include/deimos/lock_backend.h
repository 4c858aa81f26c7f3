// The seam to the store: what a lock needs of it, as single compare-and-act steps on a value that is unique to one
// acquisition (the `token`). One call is one request; nothing here retries, waits or remembers.
//
// Laws that every LockBackend keeps:
//  1. Every write but acquire() compares with the caller's own token (or, for takeover and force release, with the
//     revision of the record it was shown), in the same step as the write.
//  2. A failure with condition::outcome_unknown means that the step may have been applied or may be applied later; any
//     other failure means that it was not and will not be.
//  3. A key that holds something else than a lock is errc::not_a_file or not_a_directory, never a lock that is held.
//  4. Revisions of a store grow with every change of it; a fencing token is the revision of the write that granted the
//     lock.
//  5. A lease runs from the instant at which the request was sent that began it (or kept it alive), for at least the
//     ttl that the call names. That is the instant of the call, unless `lease_from` of what it returns says otherwise:
//     where records share a lease, a write begins none. What take_over() returns counts from the call or later.
//  6. A record does not outlive its own lease because it shares one that goes on: what a failed release or an unclear
//     write may have left behind is removed before a lease that others use is kept alive again, as far as the store
//     can be reached.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include <deimos/error.h>
#include <deimos/internal/export.h>
#include <deimos/runtime.h>

namespace deimos {

/// A lock as the store has it.
struct LockRecord {
  std::string key;
  std::string token;  ///< The value written by whoever holds it; any text for foreign clients.
  std::uint64_t created_revision = 0;
  std::uint64_t revision = 0;               ///< Of the last write.
  std::optional<std::chrono::seconds> ttl;  ///< Left, as the store says; negative while an expired lease waits to be
                                            ///< swept; none: no lease, or about to expire (Deimos leaves out 0).
  std::optional<std::chrono::sys_time<Duration>> expires;  ///< As the store says, by its own clock.
  /// If the record is one of this backend's own, and its lease is not known to have begun with it: see law 5.
  std::optional<TimePoint> lease_from = {};
  /// It is a place in a queue, in the manner of another client of the store, whose text is not one of this library's.
  bool foreign_place = false;
};

/// The lock is ours.
struct Granted {
  std::uint64_t fencing_token = 0;
  std::optional<TimePoint> lease_from = {};  ///< See law 5.
};
/// Somebody has it.
struct Refused {
  std::uint64_t revision = 0;  ///< Of the store when it refused: a release has a greater one.
};

/// A lock's record and the store's revision at that reading.
struct Inspection {
  std::optional<LockRecord> record;
  std::uint64_t revision = 0;
};

/// Records in the order of their creation, and the store's revision at that reading.
struct Listing {
  std::vector<LockRecord> records;
  std::uint64_t revision = 0;
};

/// Something happened to the key. (What one write did to several keys at once is told as one: that the directory above
/// them went away.)
struct Change {
  std::string key = {};
  std::uint64_t revision = 0;  ///< Of the change: go on from revision + 1.
  bool released = false;       ///< The key went away (released, expired or deleted): a hint to try, never a grant.
  bool expired = false;        ///< It went away because its lease was over, as the store says.
  std::optional<std::chrono::seconds> ttl = {};  ///< Of the lease that the change began, if the store says so.
  std::string token = {};                        ///< What was written; empty if the key went away.
  bool foreign_place = false;                    ///< As LockRecord::foreign_place.
};

/// By when a step must return, and what may end it sooner.
struct Deadline {
  TimePoint at;
  std::stop_token stop = {};
  std::string avoid_endpoint = {};  ///< It failed for the same purpose last: to be asked only if no other works.
};

/// See the laws at the top of this file. Every member is thread-safe, and blocks no longer than `until` allows.
class DEIMOS_EXPORT LockBackend {
 public:
  virtual ~LockBackend() = default;

  /// Creates `key` with `token` for `ttl` (whole seconds, at least 1) if it is absent.
  [[nodiscard]] virtual Result<std::variant<Granted, Refused>> acquire(const std::string& key, const std::string& token,
                                                                       std::chrono::seconds ttl,
                                                                       const Deadline& until) = 0;
  /// Replaces the very record that `expired` shows (same revision) by one of ours: errc::compare_failed or
  /// errc::key_not_found if it has changed since.
  [[nodiscard]] virtual Result<Granted> take_over(const LockRecord& expired, const std::string& token,
                                                  std::chrono::seconds ttl, const Deadline& until) = 0;
  /// Starts the lease anew, if the record is still as our write of `revision` left it; what it grants is the revision
  /// of this write. errc::lock_not_held if `key` does not hold `token`; errc::compare_failed if it does, but was
  /// written since, by a renewal of which we never heard. (A store may reckon the end of a lease when it takes a
  /// request up, and apply it much later: without this compare, that renewal would shorten the lease that a later one
  /// began.)
  [[nodiscard]] virtual Result<Granted> renew(const std::string& key, const std::string& token, std::uint64_t revision,
                                              std::chrono::seconds ttl, const Deadline& until) = 0;
  /// Deletes `key` if it holds `token`. errc::lock_not_held if it does not.
  [[nodiscard]] virtual Result<void> release(const std::string& key, const std::string& token,
                                             const Deadline& until) = 0;
  /// Deletes the very record shown, whoever holds it: errc::compare_failed or errc::key_not_found if it has changed
  /// since.
  [[nodiscard]] virtual Result<void> force_release(const LockRecord& shown, const Deadline& until) = 0;
  /// Blocks for the first change of `key` at `from_revision` or later. An empty optional: none within the until (or
  /// the store ended the wait); ask again from the same revision. errc::history_cleared: read, then wait from the
  /// reading's revision + 1.
  [[nodiscard]] virtual Result<std::optional<Change>> wait_for_change(const std::string& key,
                                                                      std::uint64_t from_revision,
                                                                      const Deadline& until) = 0;
  [[nodiscard]] virtual Result<Inspection> inspect(const std::string& key, const Deadline& until) = 0;
  /// Every record below the directory `prefix`, in the order of their creation.
  [[nodiscard]] virtual Result<Listing> list(const std::string& prefix, const Deadline& until) = 0;

  // Queues, for the kinds of locks that have places in order. A store that cannot do this leaves them as they are: they
  // fail with errc::invalid_argument.

  /// Creates a record with `token` for `ttl` behind all others in the directory `queue`, under a key of the store's
  /// choice. A record's created_revision is its place in the order, and the fencing token of whoever has it.
  [[nodiscard]] virtual Result<LockRecord> enqueue(const std::string& queue, const std::string& token,
                                                   std::chrono::seconds ttl, const Deadline& until);
  /// What is in the queue right now, never an older state. Empty if there is none. errc::not_a_directory: the name is
  /// that of a lock without a queue.
  [[nodiscard]] virtual Result<Listing> places(const std::string& queue, const Deadline& until);
  /// As wait_for_change(), for whatever is below that directory.
  [[nodiscard]] virtual Result<std::optional<Change>> wait_for_any_change(const std::string& queue,
                                                                          std::uint64_t from_revision,
                                                                          const Deadline& until);
  /// Creates or replaces (by the very record shown, as take_over()) a record that has no lease.
  [[nodiscard]] virtual Result<void> set_permanent(const std::string& key, const std::string& text,
                                                   const std::optional<LockRecord>& shown, const Deadline& until);
};

}  // namespace deimos

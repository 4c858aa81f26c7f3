// What a lock can be told, and what it tells: options, events and the details of a record. Plain values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <deimos/error.h>
#include <deimos/internal/export.h>
#include <deimos/runtime.h>

namespace deimos {

/// What a lock's record stands for. Two kinds of one name refuse each other (errc::lock_kind_differs).
enum class LockKind {
  mutex,
  fair_mutex,
  reader,  ///< A SharedMutex, shared,
  writer,  ///< and exclusive.
  semaphore,
  election,
};

/// `mutex`, `fair mutex`, …
[[nodiscard]] DEIMOS_EXPORT std::string_view to_string(LockKind kind) noexcept;

/// Something that happened to a lock of this manager.
struct LockEvent {
  enum class Kind {
    waiting,  ///< An acquire() begins to wait, for its turn here or for the store; a nested one does neither.
    waited,   ///< And is done with it: with the lock, or without it (`error` says why).
    acquired,
    released,  ///< By its holder; the store has confirmed it.
    renewed,   ///< The lease of what is held, or of a place in a queue, began anew.
    lost,      ///< `error` says why: errc::lock_expired (not renewed in time), lock_not_held (taken away), closed.
    renewal_failed,    ///< Unclear or refused; it is tried again until the lease's deadline.
    renewal_late,      ///< A renewal began so late that a second try would not fit: more locks than can be kept.
    left_to_cleaner,   ///< A release, or an acquire that was given up, is finished in the background; `error` says why.
    cleaned,           ///< The background clean-up is done: nothing of that acquisition is left.
    left_to_expire,    ///< The clean-up could not reach the store while it mattered: the lease ends by itself.
    stray_unlock,      ///< unlock() by a task that did not hold the lock; nothing was done.
    asked_to_release,  ///< A holder here was told that somebody asks for the lock (LockManager::ask_to_release()).
    place_lost,        ///< A waiter's place in the queue is gone (`error` says why): it lines up again, at the end.
  };
  Kind kind = Kind::acquired;
  std::string name;
  std::uint64_t fencing_token = 0;  ///< 0 if the lock was never granted.
  std::optional<Error> error = {};
  /// Of `waited`: since `waiting`. Of `renewed` in the background and `renewal_late`: how much later it was sent than
  /// planned. Of the one event that ended a hold (`released`, `lost`, or `left_to_cleaner` if a release was unclear):
  /// how long it was held. None of all others.
  std::optional<Duration> duration = {};
};

/// `acquired`, `renewal_failed`, …
[[nodiscard]] DEIMOS_EXPORT std::string_view to_string(LockEvent::Kind kind) noexcept;

/// For all locks of a LockManager.
///
/// The lease that a holder counts on ends before the one that the store keeps: by `ttl × max_clock_rate_error +
/// max_clock_skew`, the margin. As long as no clock is wrong by more than that, a holder knows of the end of its lease
/// before anybody else can be granted the lock; if one is, fencing tokens still order the holders.
struct LockOptions {
  /// The directory of the locks. Absolute; its parts obey the rules for names (LockManager::mutex), but may be hidden.
  std::string prefix = "/locks";
  /// How long a lock outlives a holder that can no longer be heard of: 1 s to 10 years. Fractions of a second are
  /// dropped for the holder and rounded up for the store. Renewed in the background, so it is no limit to how long a
  /// lock can be held.
  Duration ttl = std::chrono::seconds(30);
  /// From one renewal to the next. 0: a third of `ttl` less the margin. At most half of that, so that one can fail.
  Duration renewal_interval = Duration::zero();
  /// How much faster this machine's clock may run than the store's: 0 to 0.5.
  double max_clock_rate_error = 0.01;
  /// How far the clocks of the store's nodes may be apart. Also how long after its end another's lease is taken over
  /// if the store has not swept it: in whole seconds, rounded down, and one more, since the store tells what is left of
  /// a lease in whole seconds. A lease of 2 s whose holder is gone is taken over 3 s after it was granted if the skew
  /// is below 1 s. The margin leaves at least a quarter of every `ttl`.
  Duration max_clock_skew = std::chrono::milliseconds(500);
  /// How many renewals may be under way at once: 1 to 1000. That many leases are renewed in each round trip; and as
  /// many tasks may be started for it.
  std::size_t max_renewals_at_once = 32;
  /// The longest that one step (a create, a release, …) waits for the store; so the longest that unlock() blocks.
  Duration request_timeout = std::chrono::seconds(5);
  /// The longest that a waiter listens for a release before it looks for itself.
  Duration poll_interval = std::chrono::seconds(5);
  /// Who holds the locks, for people who look at them: the stored value has it. At most 200 bytes of printable text
  /// without a semicolon.
  std::string owner = {};
  /// Called under no lock of this library by whatever task does the work, which waits for it: be quick. An exception
  /// that escapes is swallowed.
  std::function<void(const LockEvent&)> on_event = {};
};

/// Who is next when a lock becomes free.
enum class Fairness {
  /// Whoever asks first then. 2 requests for a lock and its unlock; the record is a file of the lock's name.
  unfair,
  /// Whoever has waited longest: processes in the order in which they lined up in the store, the owners of one process
  /// in the order of their calls. Of each process one owner at a time is in the store's line, so that a process with
  /// many of them gets no more turns than one with few. 3 requests; the records are files in a directory of the lock's
  /// name, which stays.
  fair,
};

struct MutexOptions {
  Fairness fairness = Fairness::unfair;
};

struct SemaphoreOptions {
  /// How many permits there are, at least 1, until Semaphore::resize() says otherwise. All who use the semaphore must
  /// say the same: see Semaphore::acquire().
  int permits = 1;
};

/// For one acquire().
struct AcquireOptions {
  /// How long to wait until the lock is free. 0: one try, bounded by LockOptions::request_timeout.
  Duration wait = Duration::max();
  std::optional<Duration> ttl = {};  ///< None: LockOptions::ttl, whatever an earlier call asked for.
  /// Who asks, for re-entry. None: the calling task (Runtime::current_task()). Two owners are two, also in one task.
  std::optional<std::uint64_t> owner = {};
  /// false: an owner that holds the lock already is refused (errc::lock_already_held) instead of holding it once more.
  bool reentrant = true;
  /// After how many refusals to give up with errc::lock_already_held, the first not counted. 0: no limit.
  int max_retries = 0;
  /// The longest that this waiter listens before it looks. 0: LockOptions::poll_interval.
  Duration retry_interval = Duration::zero();
  bool auto_renew = true;  ///< false: as if pause_renewal() was called at once.
  /// The lock is lost at the latest this long after it was granted, renewed or not: a holder that hangs does not keep
  /// it for ever.
  Duration max_hold = Duration::max();
  /// Called once if this acquisition is lost, after lost() was triggered; never after a release that found it held. It
  /// runs on a task of its own kind, under no lock of this library, delays no renewal, and may do anything, also
  /// destroy the Hold, the Mutex and the LockManager. It may still run when the Hold is gone. An exception that escapes
  /// is swallowed. Ignored on re-entry: the acquisition has its own already.
  std::function<void(const Error&)> on_lost = {};
};

/// A lock as the store has it.
struct LockInfo {
  std::string name;  ///< Below the manager's prefix.
  LockKind kind = LockKind::mutex;
  bool waiting = false;  ///< It is in line for the lock, and does not hold it.
  int permits = 1;       ///< Of a semaphore: how many it has, or waits for.
  std::string message;   ///< Of an election: what the candidate has to say.
  std::string key;
  std::string value;                        ///< What the holder wrote.
  std::string owner;                        ///< LockOptions::owner of the holder; of foreign clients the whole value.
  std::uint64_t created_revision = 0;       ///< Index of the create that began it.
  std::uint64_t revision = 0;               ///< Index of the last write.
  std::optional<std::chrono::seconds> ttl;  ///< Left, as the store says; below 0 until an expired one is swept.
  std::optional<std::chrono::sys_time<Duration>> expires;  ///< By the store's clock.
  bool held_here = false;                                  ///< By somebody who uses this manager.
};

}  // namespace deimos

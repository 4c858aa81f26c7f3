// What the processes of a run did with locks and believed about them, in true time. Plain values, written by a
// LockRecorder, read by the checkers (checkers.h) and by people.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <deimos/hold.h>
#include <deimos/internal/export.h>
#include <deimos/runtime.h>

namespace deimos::testkit {

// All instants are true virtual time since the start of the run.

/// A holder or waiter: one owner in one life of one process.
struct DEIMOS_EXPORT LockOwner {
  std::string process;
  int life = 1;
  std::uint64_t id = 0;  ///< AcquireOptions::owner, or the calling task.
  bool named = false;    ///< It is AcquireOptions::owner: never the same as a task.
  auto operator<=>(const LockOwner&) const = default;
  /// `worker`, `worker/2` in its second life, `worker#7` for owner 7.
  [[nodiscard]] std::string describe() const;
};

/// One acquisition, from the return of the acquire that was granted it to the moment its owner stopped believing in it.
/// Re-entries are part of it.
struct Tenure {
  enum class End {
    open,      ///< Not over when the history was read.
    released,  ///< The outermost release was called.
    lost,      ///< lost() was triggered.
    expired,   ///< The local deadline passed.
    crashed,   ///< With its process.
  };
  LockOwner owner;
  std::string lock;
  std::uint64_t fencing_token = 0;
  Duration granted = {};
  Duration until = Duration::max();  ///< The owner believed to hold it in [granted, until).
  End end = End::open;
  Duration deadline = Duration::max();  ///< The local deadline, as last moved.
  std::optional<Duration> announced;    ///< When lost() was triggered.
  std::vector<Duration> callbacks;      ///< When on_lost was called.
  bool released_well = false;           ///< A release of it that ended it found it held.

  [[nodiscard]] bool covers(Duration at) const noexcept { return granted <= at && at < until; }
};

/// An acquire, a release or a renewal that was called.
struct LockCall {
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
  enum class Kind { acquire, release, renew };

  Kind kind = Kind::acquire;
  LockOwner owner;
  std::string lock;
  Duration called = {};
  std::optional<Duration> returned;
  Duration due = Duration::max();   ///< When it had to be back, by the process's own clock.
  std::optional<Duration> crashed;  ///< When its process crashed in it.
  std::error_code error;            ///< Of a call that returned; success if none.
  std::optional<Release> release;   ///< What a release that succeeded said.
  std::uint64_t fencing_token = 0;
  std::size_t tenure = none;     ///< Index in LockHistory::tenures.
  bool believed_before = false;  ///< The owner believed to hold the lock when it called.
  int depth_before = 0;          ///< How many holds of it the owner had.
  bool reentrant = true;         ///< AcquireOptions::reentrant.

  [[nodiscard]] bool succeeded() const noexcept { return returned && !error; }
};

/// A write to something that a lock guards (FencedResource).
struct GuardedWrite {
  Duration at = {};
  LockOwner owner;
  std::string lock;
  std::size_t tenure = LockCall::none;
  std::uint64_t fencing_token = 0;
  bool accepted = false;
  bool believed = false;  ///< The writer believed to hold the lock.
};

/// A request that a process sent to the store.
struct SentRequest {
  Duration at = {};
  std::string process;
  std::string text;  ///< `PUT /locks/a`.
};

/// The whole process was paused.
struct Standstill {
  std::string process;
  Duration from = {};
  Duration until = {};
};

/// One line of the trace.
struct TraceLine {
  Duration at = {};
  std::string text;
};

struct DEIMOS_EXPORT LockHistory {
  std::vector<Tenure> tenures;  ///< In the order in which they were granted.
  std::vector<LockCall> calls;  ///< In the order in which they were made.
  std::vector<GuardedWrite> writes;
  std::vector<SentRequest> requests;  ///< Only of processes whose client reports to LockRecorder::observe().
  std::vector<Standstill> standstills;
  std::vector<TraceLine> trace;
  Duration end = {};  ///< When it was read.

  /// The last `count` lines up to `until`, a line each: `+1.250000000s  worker  granted reports, token 17`.
  [[nodiscard]] std::string tail(std::size_t count = 40, Duration until = Duration::max()) const;
  /// The names of all locks, sorted.
  [[nodiscard]] std::vector<std::string> locks() const;
  /// `instant`, or the end of the standstill of `process` that it falls into.
  [[nodiscard]] Duration after_standstill(const std::string& process, Duration instant) const;
};

[[nodiscard]] DEIMOS_EXPORT std::string describe(const Tenure& tenure);
[[nodiscard]] DEIMOS_EXPORT std::string describe(const LockCall& call);

}  // namespace deimos::testkit

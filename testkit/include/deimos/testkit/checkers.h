// Checkers of lock properties. Each reads the history of a run (lock_history.h) and returns a Verdict that names the
// first violation. lock_matchers.h has them as GoogleTest matchers.
//
// When they hold: a lease-based lock excludes (mutual_exclusion, holders_are_accepted, leases) as long as no
// clock is wrong by more than LockOptions allow and nobody ends a lease by force (fake::ExpireKey, force_unlock). All
// others hold always.
#pragma once

#include <string>
#include <vector>

#include <deimos/fake/audit.h>
#include <deimos/internal/export.h>
#include <deimos/runtime.h>
#include <deimos/testkit/lock_history.h>
#include <deimos/testkit/verdict.h>

namespace deimos::testkit {

class Simulation;

/// Mutual exclusion: no two owners believed to hold a lock at the same true instant.
[[nodiscard]] DEIMOS_EXPORT Verdict mutual_exclusion(const LockHistory& history);

/// Of two acquisitions of a lock, one granted before the other was asked for, the later has the greater token; no token
/// is given twice, and re-entry keeps it. A FencedResource took no token lower than one it had seen.
[[nodiscard]] DEIMOS_EXPORT Verdict fencing(const LockHistory& history);
/// No FencedResource refused an owner that believed to hold the lock.
[[nodiscard]] DEIMOS_EXPORT Verdict holders_are_accepted(const LockHistory& history);

/// A lost acquisition was announced by its local deadline (or the end of the standstill that fell on it), by lost() and
/// then, at most once, by the callback; one that was released was not.
[[nodiscard]] DEIMOS_EXPORT Verdict loss_is_announced(const LockHistory& history,
                                                      Duration tolerance = std::chrono::milliseconds(1));

/// Every change of a file below `prefix` that a client made carried a compare, which named the client's own value or an
/// index, or made a new place in a queue; and no value came back that had been granted before (unless writes may be
/// `repeated`: FaultPlan::repeats_writes()).
[[nodiscard]] DEIMOS_EXPORT Verdict ownership(const LockHistory& history, const std::vector<fake::AuditRecord>& audit,
                                              const std::string& prefix, bool repeated = false);

/// Nobody believed to hold a lock beyond the last lease that the store granted for it. Stricter than
/// mutual_exclusion(): it also finds violations that harmed nobody in this run.
[[nodiscard]] DEIMOS_EXPORT Verdict leases(const LockHistory& history, const std::vector<fake::AuditRecord>& audit,
                                           const std::string& prefix);

/// Every call returned by its deadline, calls without one excepted.
[[nodiscard]] DEIMOS_EXPORT Verdict deadlines(const LockHistory& history,
                                              Duration tolerance = std::chrono::milliseconds(10));

/// Owners re-enter what they hold at once, with its token; only the outermost release frees; what was lost is not
/// released, and a release never ends another acquisition.
[[nodiscard]] DEIMOS_EXPORT Verdict reentry(const LockHistory& history);

/// How long a free lock may keep a waiter waiting.
struct LivenessBounds {
  Duration from = {};           ///< When the faults stopped.
  Duration after_release = {};  ///< Since it was released.
  Duration after_loss = {};     ///< Since a holder lost it, or since a holder or waiter crashed.
};
/// After the faults, no lock stayed free for longer than the bounds while somebody waited for it.
[[nodiscard]] DEIMOS_EXPORT Verdict liveness(const LockHistory& history, const LivenessBounds& bounds);

/// Of a fair lock, whose fencing tokens are places in its queue: it was granted in the order of the queue.
[[nodiscard]] DEIMOS_EXPORT Verdict granted_in_order(const LockHistory& history);

/// Most requests a process may send: `per_call` for each acquire and release, plus `per_second` for each second.
struct RequestBudget {
  Duration from = {};
  Duration until = Duration::max();
  double per_call = 8;
  double per_second = 2;
};
[[nodiscard]] DEIMOS_EXPORT Verdict request_budget(const LockHistory& history, const RequestBudget& budget = {});

/// What cleanliness() looks for.
struct Remains {
  bool keys = true;      ///< Files below the prefix that have not expired.
  bool watchers = true;  ///< Watches at any node.
  bool requests = true;  ///< Requests that a node has not answered.
  bool tasks = true;     ///< Tasks of processes that have ended or crashed.
};
/// Nothing of `which` remains. Reads the store through the simulation's observer, so it lets virtual time pass.
[[nodiscard]] DEIMOS_EXPORT Verdict cleanliness(Simulation& simulation, const std::string& prefix, Remains which = {});

}  // namespace deimos::testkit

// What can go wrong in a cluster, as plain values: one vocabulary for C++, scripts, shrinkers and the admin API.
//
// A fault holds until it is undone, by the one named beside it or by Recover. What is asked for and impossible (a node
// that does not exist, an empty group, …) is refused; what is possible and has no effect (to heal what is whole, to
// restart what runs) is not.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <deimos/fake/clock.h>
#include <deimos/fake/node_id.h>
#include <deimos/fake/rule.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

// Who can reach whom. Links are directed; every node reaches every other at first.

/// Nodes reach those of their own group and no others; links that were cut before are as the groups say now. Nodes in
/// no group form one more together. Undone by Heal.
struct Partition {
  std::vector<std::vector<NodeId>> groups = {};  ///< Not empty, as none of them; no node in two.
  bool operator==(const Partition&) const = default;
};
/// Drops what `from` sends to `to`; the other direction is unchanged. Undone by MendLink, Heal.
struct CutLink {
  NodeId from = 0;
  NodeId to = 0;
  bool operator==(const CutLink&) const = default;
};
struct MendLink {
  NodeId from = 0;
  NodeId to = 0;
  bool operator==(const MendLink&) const = default;
};
/// Cuts every link of `node`, both ways; its clients still reach it. Undone by Rejoin, Heal.
struct Isolate {
  NodeId node = 0;
  bool operator==(const Isolate&) const = default;
};
struct Rejoin {
  NodeId node = 0;
  bool operator==(const Rejoin&) const = default;
};
/// Mends every link.
struct Heal {
  bool operator==(const Heal&) const = default;
};
/// A follower applies each entry this long after its commit, drawn anew each time: its watchers and the writes that it
/// accepted hear so much later. Undone by `{node, 0s, 0s}`.
struct Lag {
  NodeId node = 0;
  std::chrono::nanoseconds least{};
  std::chrono::nanoseconds most{};
  bool operator==(const Lag&) const = default;
};

// Whether a node runs.

/// Breaks the connections of its clients and refuses new ones. Its log stays. Undone by Restart.
struct Crash {
  NodeId node = 0;
  bool operator==(const Crash&) const = default;
};
/// Nothing if it runs. From its log it comes back as it was, but for its watches; from a snapshot its event history is
/// gone too, so that watches from the past get error 401. For `behind` it applies nothing that it missed, nor anything
/// new: whatever waits for that hangs, and the others go on. Ended early by Lag.
struct Restart {
  NodeId node = 0;
  bool from_snapshot = false;
  std::chrono::nanoseconds behind{};
  bool operator==(const Restart&) const = default;
};
/// Stops the process, as SIGSTOP does: requests hang, and go on at Resume.
struct Pause {
  NodeId node = 0;
  bool operator==(const Pause&) const = default;
};
struct Resume {
  NodeId node = 0;
  bool operator==(const Resume&) const = default;
};

// What time a node thinks it is: when the leases it grants end, and, while it leads, which of them have ended.

/// Sets its clock to true time plus `offset`. Undone by ResetClock.
struct SkewClock {
  NodeId node = 0;
  std::chrono::nanoseconds offset{};
  bool operator==(const SkewClock&) const = default;
};
/// Its clock jumps. Undone by ResetClock.
struct StepClock {
  NodeId node = 0;
  std::chrono::nanoseconds by{};
  bool operator==(const StepClock&) const = default;
};
/// Multiplies the rate of its clock; the clock does not jump. Undone by ResetClock (a rate of 1 keeps what it has
/// gained).
struct SetClockRate {
  NodeId node = 0;
  double rate = 1;  ///< From 0.001 to 1000.
  bool operator==(const SetClockRate&) const = default;
};
/// True time again.
struct ResetClock {
  NodeId node = 0;
  bool operator==(const ResetClock&) const = default;
};

// What the store does.

/// No leader sweeps for this long: expired keys stay, with a negative `ttl`. Replaces an earlier one; undone by `{0s}`.
struct SkipSweeps {
  std::chrono::nanoseconds duration{};
  bool operator==(const SkipSweeps&) const = default;
};
/// Expires a key, whether it has an expiry or not: proposed by the leader as any write (and lost if there is none).
/// Nothing if it is not there.
struct ExpireKey {
  std::string key = {};
  bool operator==(const ExpireKey&) const = default;
};
/// Clears the event history of `node` (0: of every node): watches from the past get error 401.
struct WipeHistory {
  NodeId node = 0;
  bool operator==(const WipeHistory&) const = default;
};
/// Watches open at `node` (0: everywhere) receive nothing until they time out.
struct ForgetWatchers {
  NodeId node = 0;
  std::string key = {};  ///< Only of keys that this pattern matches (see Match::key); empty: all.
  bool operator==(const ForgetWatchers&) const = default;
};

// Who leads.

/// `to` leads in a new term, at once; if 0, some node that can and does not. Nothing if `to` could not be elected now.
struct ChangeLeader {
  NodeId to = 0;
  bool operator==(const ChangeLeader&) const = default;
};

// Requests (rule.h).

/// Undone by RemoveRules.
struct AddRule {
  Rule rule = {};
  bool operator==(const AddRule&) const = default;
};
/// Those of that name; all if empty.
struct RemoveRules {
  std::string name = {};
  bool operator==(const RemoveRules&) const = default;
};

/// Undoes everything above: links mended, nodes running, clocks true, sweeps on, no lag, no rules. What happened stays:
/// a key that expired, a history that was wiped, the leader.
struct Recover {
  bool operator==(const Recover&) const = default;
};

using Fault = std::variant<Partition, CutLink, MendLink, Isolate, Rejoin, Heal, Lag, Crash, Restart, Pause, Resume,
                           SkewClock, StepClock, SetClockRate, ResetClock, SkipSweeps, ExpireKey, WipeHistory,
                           ForgetWatchers, ChangeLeader, AddRule, RemoveRules, Recover>;

/// Names a fault that is still to come; never 0.
using FaultId = std::uint64_t;

/// A fault that is still to come.
struct PendingFault {
  FaultId id = 0;
  Instant at{};
  Fault fault;
};

/// `partition`, `cut_link`, …: the type's name in lower case, as the admin API says it.
[[nodiscard]] DEIMOS_EXPORT std::string_view name_of(const Fault& fault) noexcept;
/// For people: `partition {1} {2, 3}`, `skew clock of node 2 by +5s`.
[[nodiscard]] DEIMOS_EXPORT std::string describe(const Fault& fault);
/// Throws std::invalid_argument, saying why, if `fault` can never happen in a cluster of `nodes` nodes.
DEIMOS_EXPORT void validate(const Fault& fault, NodeId nodes);

}  // namespace deimos::fake

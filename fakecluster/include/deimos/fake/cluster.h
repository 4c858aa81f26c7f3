// A cluster of fake Deimos nodes in one process, and everything that can go wrong with it.
//
//   deimos::fake::Cluster cluster({.nodes = 3, .seed = 42});
//   cluster.partition({1}, {2, 3});
//   cluster.skew_clock(2, 5s);
//   cluster.expire("/locks/reports");
//   cluster.advance(2s);                     // … in which nodes 2 and 3 elect a leader
//
// How it replicates: there are no Raft messages. The cluster keeps the one committed log that Raft would have produced,
// how far each node has come in it, and who can reach whom. Node 1 leads at first. A node that hears no leader stands
// for election after 15 to 30 ticks of 100 ms, again and again; it leads in a new term if it reaches a majority, both
// ways, and has all that is committed. A leader that lost its majority does not know: it goes on taking proposals,
// which are committed if it regains a majority before another is elected. Else the next leader has, of them, at most
// those that a link let through to it (see PendingFate); the others are lost. So is a proposal forwarded to where no
// leader hears it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <deimos/fake/audit.h>
#include <deimos/fake/clock.h>
#include <deimos/fake/cluster_options.h>
#include <deimos/fake/cluster_state.h>
#include <deimos/fake/condition.h>
#include <deimos/fake/data.h>
#include <deimos/fake/fault.h>
#include <deimos/fake/incident.h>
#include <deimos/fake/journal.h>
#include <deimos/fake/node.h>
#include <deimos/fake/node_id.h>
#include <deimos/fake/plan.h>
#include <deimos/fake/rule.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

/// Deterministic: the same options, calls and instants give the same answers, byte for byte. Thread-safe; no member
/// blocks (but wait_until(), as it says), and there is no thread: somebody moves the clock. Every bad argument is
/// refused with std::invalid_argument, saying why, and has changed nothing.
class DEIMOS_EXPORT Cluster {
 public:
  using Ticket = Node::Ticket;

  explicit Cluster(ClusterOptions options = {});
  /// Closes every node.
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  [[nodiscard]] NodeId size() const noexcept;
  /// The front of one node, for HttpServer, InProcessTransport and tests. Lives as long as the cluster.
  [[nodiscard]] Node& node(NodeId id);
  /// As node(id).handle(…).
  Ticket handle(NodeId node, const Origin& origin, const Request& request, std::shared_ptr<Reply> reply);
  /// The client went away. What it asked for may still be done.
  void abandon(Ticket ticket);

  // Time.

  /// Moves the cluster's own clock, with everything that falls due on the way, at the instant at which it does. Throws
  /// std::logic_error if the cluster was given a clock.
  void advance(std::chrono::nanoseconds by);
  /// Runs everything due by now. To be called at next_due() if the clock moves by itself.
  void run_due();
  /// When something falls due; Instant::max() if nothing ever does. Any call can bring it nearer: see on_due_sooner().
  [[nodiscard]] Instant next_due() const;
  /// Called with next_due() whenever a call has brought it nearer, from within that call; must not call the cluster.
  void on_due_sooner(std::function<void(Instant)> wake);
  /// True time.
  [[nodiscard]] Instant now() const;
  /// What node `id` thinks it is.
  [[nodiscard]] Instant now(NodeId id) const;

  // Faults. See fault.h for what each means and how it is undone.

  void apply(const Fault& fault);
  /// When true time reaches `instant`, which must not have passed.
  FaultId at(Instant instant, Fault fault);
  FaultId after(std::chrono::nanoseconds delay, Fault fault);
  /// Every fault of the plan, as after(), or apply() for one at once. Returns their ids; 0 for one at once.
  std::vector<FaultId> run(const Plan& plan);
  /// Returns false if it has happened already, or never was.
  bool cancel(FaultId fault);
  /// In the order in which they were scheduled.
  [[nodiscard]] std::vector<PendingFault> pending_faults() const;

  using Group = std::vector<NodeId>;
  void partition(const Group& group) { apply(Partition{{group}}); }
  void partition(const Group& one, const Group& other) { apply(Partition{{one, other}}); }
  void partition(const Group& one, const Group& other, const Group& third) { apply(Partition{{one, other, third}}); }
  void cut(NodeId from, NodeId to) { apply(CutLink{from, to}); }
  void mend(NodeId from, NodeId to) { apply(MendLink{from, to}); }
  void isolate(NodeId node) { apply(Isolate{node}); }
  void rejoin(NodeId node) { apply(Rejoin{node}); }
  void heal() { apply(Heal{}); }
  void lag(NodeId node, std::chrono::nanoseconds by) { apply(Lag{node, by, by}); }
  void crash(NodeId node) { apply(Crash{node}); }
  void restart(NodeId node) { apply(Restart{node}); }
  void restart_from_snapshot(NodeId node) { apply(Restart{node, true}); }
  void pause(NodeId node) { apply(Pause{node}); }
  void resume(NodeId node) { apply(Resume{node}); }
  void skew_clock(NodeId node, std::chrono::nanoseconds offset) { apply(SkewClock{node, offset}); }
  void step_clock(NodeId node, std::chrono::nanoseconds by) { apply(StepClock{node, by}); }
  void set_clock_rate(NodeId node, double rate) { apply(SetClockRate{node, rate}); }
  void reset_clock(NodeId node) { apply(ResetClock{node}); }
  void skip_sweeps(std::chrono::nanoseconds duration) { apply(SkipSweeps{duration}); }
  void expire(std::string key) { apply(ExpireKey{std::move(key)}); }
  void wipe_history(NodeId node = 0) { apply(WipeHistory{node}); }
  void forget_watchers(NodeId node = 0) { apply(ForgetWatchers{node, {}}); }
  void change_leader(NodeId to = 0) { apply(ChangeLeader{to}); }
  void recover() { apply(Recover{}); }

  // Rules. See rule.h. The first in the chain that acts decides; a new one is the last.

  RuleId add_rule(Rule rule);
  /// Returns false if there is none such.
  bool remove_rule(RuleId rule);
  [[nodiscard]] std::vector<RuleStatus> rules() const;

  // What is true.

  /// The leader that can commit; 0 if there is none.
  [[nodiscard]] NodeId leader() const;
  [[nodiscard]] std::uint64_t term() const;
  [[nodiscard]] ClusterState state() const;
  /// The state, readable, for failing tests.
  [[nodiscard]] std::string describe() const;
  /// Replaces the former one; null for none.
  void set_observer(AuditObserver observer);
  /// Likewise.
  void on_incident(IncidentObserver observer);
  /// Whether and when a write that came with this Origin::request (not 0) was committed; the first time, if a rule
  /// duplicated it.
  [[nodiscard]] std::optional<Applied> applied(std::uint64_t request) const;

  // The journal: see journal.h. It is kept if ClusterOptions::journal_entries is not 0; else these throw
  // std::logic_error.

  /// The oldest `limit` entries that match.
  [[nodiscard]] Journal journal(const JournalFilter& filter = {},
                                std::size_t limit = std::numeric_limits<std::size_t>::max()) const;
  /// Whether so many requests match. If the journal has forgotten requests, what it cannot know does not hold.
  [[nodiscard]] JournalVerdict verify(const JournalFilter& filter, const Times& times) const;
  /// Forgets what there is, and that anything was forgotten. Ids go on.
  void clear_journal();
  /// Replaces the former one; null for none. Needs no journal to be kept.
  void on_journal(JournalObserver observer);

  // Waiting, and what is stored.

  /// Waits until the condition holds. A clock of the cluster's own is moved to the instant at which it does, else by
  /// `within`, as advance() does; real time passes only if there is something to settle. If the cluster was given a
  /// clock, this blocks the calling thread until the condition holds, or `within` has passed by that clock and
  /// something has called the cluster since (a ClockDriver does). Ends early at `stop`, at reset() and close(). Throws
  /// std::logic_error if the condition is on a journal that is not kept.
  WaitResult wait_until(const Condition& condition, const WaitOptions& options = {}, std::stop_token stop = {});
  /// What is committed; with or without the indexes of the store.
  [[nodiscard]] Data data(bool indexes = false) const;
  /// Replaces what is stored, at once and as a whole, by one entry of the log; each `ttl` counts from now. Without
  /// indexes, each entry is a change of its own. Watchers hear nothing of it, those from the past get error 401, and an
  /// audit has no record of it. Throws std::logic_error if nobody can commit it now.
  void load(const Data& data);

  /// As if made anew with the same options, and this seed: an empty store, no fault, no rule, a clock of its own at the
  /// start again. Watches end, and what waits is answered with 503; an answer that was delayed never comes. Registered
  /// callbacks stay registered.
  void reset(std::uint64_t seed);
  /// As above, with the seed that the cluster was made with.
  void reset();
  /// Ends every watch, answers what waits with 503 and refuses further requests so. Idempotent.
  void close();

 private:
  friend class ClockDriver;

  std::shared_ptr<ClusterCore> core_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

/// A rule for as long as this lives.
class DEIMOS_EXPORT ScopedRule {
 public:
  ScopedRule(Cluster& cluster, Rule rule) : cluster_(cluster), id_(cluster.add_rule(std::move(rule))) {}
  ~ScopedRule() { cluster_.remove_rule(id_); }
  ScopedRule(const ScopedRule&) = delete;
  ScopedRule& operator=(const ScopedRule&) = delete;
  [[nodiscard]] RuleId id() const noexcept { return id_; }

 private:
  Cluster& cluster_;
  RuleId id_;
};

}  // namespace deimos::fake

// The cluster from within. One mutex; every public member takes it, the others need it taken.
//
// Its parts: what it remembers (cluster_data.h), requests and rules (cluster_requests.cc), the log (replication.cc),
// leaders (election.cc), faults (fault_effects.cc), time (cluster_core.cc), and what it shows (cluster_report.cc).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <deimos/fake/cluster.h>
#include <deimos/internal/local_mutex.h>

#include "cluster/cluster_data.h"
#include "faults/intercepted_request.h"

namespace deimos::fake {

class ClusterCore final : public InterceptionHost, private ClusterData {
 public:
  using Ticket = Node::Ticket;

  explicit ClusterCore(ClusterOptions options);
  ~ClusterCore() = default;

  [[nodiscard]] NodeId size() const noexcept { return static_cast<NodeId>(replicas_.size()); }
  /// Throws std::invalid_argument if there is no such node.
  void check(NodeId node) const;

  Ticket handle(NodeId node, const Origin& origin, const Request& request, const std::shared_ptr<Reply>& reply);
  void abandon(Ticket ticket);
  /// 0: every node.
  void close(NodeId node);
  void reset(std::uint64_t seed);
  [[nodiscard]] std::uint64_t seed() const noexcept { return options_.seed; }

  void advance(std::chrono::nanoseconds by);
  void run_due();
  [[nodiscard]] Instant next_due();
  void on_due_sooner(std::function<void(Instant)> wake);
  /// See RequestHandler::on_reachable().
  void on_running(NodeId node, std::function<void(bool)> call);
  [[nodiscard]] Instant now() const { return clock_->now(); }
  [[nodiscard]] Instant now(NodeId node);

  void apply(const Fault& fault);
  FaultId at(Instant instant, Fault fault);
  FaultId after(std::chrono::nanoseconds delay, Fault fault);
  bool cancel(FaultId fault);
  [[nodiscard]] std::vector<PendingFault> pending_faults();
  RuleId add_rule(Rule rule);
  bool remove_rule(RuleId rule);

  [[nodiscard]] NodeId leader();
  [[nodiscard]] std::uint64_t term();
  [[nodiscard]] ClusterState state();
  [[nodiscard]] std::vector<RuleStatus> rules();
  [[nodiscard]] NodeStatistics statistics(NodeId node);
  void set_observer(AuditObserver observer);
  void on_incident(IncidentObserver observer);
  [[nodiscard]] std::optional<Applied> applied(std::uint64_t request);

 private:
  using Waiting = Replica::Waiting;
  enum class TicketKind : std::uint64_t { watch = 1, waiting = 2, intercepted = 3 };
  /// The mutex for the length of a public call, which then tells whoever keeps time if something is due sooner.
  class Call;

  [[nodiscard]] Replica& replica(NodeId node) noexcept { return *replicas_[node - 1]; }

  /// `text` is made only if somebody listens.
  template <typename Text>
  void tell(Incident::Kind kind, NodeId node, Text text) {
    if (incident_observer_) incident_observer_({now(), kind, node, text()});
  }

  // Requests.
  Ticket treat(Replica& at, const Origin& origin, const Request& request, const std::shared_ptr<Reply>& reply);
  Ticket deliver(Replica& at, const Origin& origin, const Request& request, const std::shared_ptr<Reply>& reply);
  void deliver(const std::shared_ptr<InterceptedRequest>& intercepted);
  Ticket serve(Replica& at, const Origin& origin, const Request& request, const std::shared_ptr<Reply>& reply);
  Ticket look_up(Replica& at, const Origin& origin, Lookup lookup, const std::shared_ptr<Reply>& reply);
  Ticket watch(Replica& at, Watch watch, const std::shared_ptr<Reply>& reply);
  [[nodiscard]] Response listing(Replica& at, const Lookup& lookup, Instant now) const;
  /// Whether it knows of everything that is committed.
  [[nodiscard]] bool is_up_to_date(const Replica& at) const noexcept;
  /// Whoever may answer a GET at once; null if it has to be proposed.
  [[nodiscard]] Replica* reader(Replica& asked);
  void abandon_locked(Ticket ticket);
  std::shared_ptr<InterceptedRequest> make_intercepted(Replica& at, const Origin& origin, const Request& request,
                                                       const std::shared_ptr<Reply>& client, RuleAction action);
  [[nodiscard]] Ticket make_ticket(TicketKind kind, NodeId node, std::uint64_t id) const noexcept;
  [[nodiscard]] Ticket ticket_of(const InterceptedRequest& intercepted) const;
  void duplicate(Replica& at, const Origin& origin, const Request& request, const Duplicate& how);
  void hold_back(RuleId rule, std::shared_ptr<InterceptedRequest> intercepted, std::chrono::nanoseconds at_most);
  void release(RuleId rule);
  void release(const std::vector<RuleId>& rules);
  [[nodiscard]] Origin named(const Origin& origin, const Request& request) const;
  void time_out(NodeId node, std::uint64_t proposal);
  void close_locked(Replica& at);

  // InterceptionHost.
  void call_after(std::chrono::nanoseconds delay, std::function<void()> call) override;
  internal::RandomStream& interception_random() override { return interception_random_; }
  void interception_ended(std::uint64_t intercepted) override;

  // The log.
  /// `command` null: a read. Returns 0 if it was answered at once.
  Ticket propose(Replica& at, const Origin& origin, Command* command, Waiting waiting);
  void route(Replica& from, Proposal&& proposal);
  void commit(Proposal&& proposal);
  void spread();
  void announce(Replica& to);
  /// Applies what `at` knows to be committed and has not applied yet: as at the instant at which it was committed, …
  void catch_up(Replica& at);
  /// … or, of what it has only just come to know, now.
  void catch_up_now(Replica& at);
  void catch_up_all();
  void apply_entry(Replica& at, LogEntry& entry, Instant when, bool audited);
  void audit(Replica& at, const LogEntry& entry, const tl::expected<const Event*, StoreError>& outcome,
             std::vector<Event> swept);
  void answer(Replica& at, const Proposal& proposal, std::uint64_t raft_index,
              const tl::expected<const Event*, StoreError>& outcome);
  std::optional<Waiting> take_waiting(Replica& at, std::uint64_t proposal);
  void forget_log();

  // Leaders.
  [[nodiscard]] bool reigns() noexcept;
  [[nodiscard]] bool connected(const Replica& one, const Replica& other) const noexcept;
  [[nodiscard]] bool has_majority(const Replica& at) const noexcept;
  [[nodiscard]] bool can_win(const Replica& at) const noexcept;
  [[nodiscard]] bool hears_its_leader(const Replica& at) noexcept;
  /// To be called whenever somebody may reach others than before.
  void reconsider();
  void find_leader(Replica& at);
  void look_for_quorum();
  void resubmit();
  void arm_election(Replica& at);
  void stand_for_election(Replica& at);
  void elect(Replica& winner);
  void lose_quorum(Replica& at);

  // Faults.
  void apply_locked(const Fault& fault);
  void effect(const Partition& fault) { links_.partition(fault.groups); }
  void effect(const CutLink& fault) { links_.set(fault.from, fault.to, false); }
  void effect(const MendLink& fault) { links_.set(fault.from, fault.to, true); }
  void effect(const Isolate& fault) { links_.set_all(fault.node, false); }
  void effect(const Rejoin& fault) { links_.set_all(fault.node, true); }
  void effect(const Heal&) { links_.mend(); }
  void effect(const Lag& fault);
  void effect(const Crash& fault);
  void effect(const Restart& fault);
  void effect(const Pause& fault) { replica(fault.node).paused = replica(fault.node).running; }
  void effect(const Resume& fault);
  void effect(const SkewClock& fault);
  void effect(const StepClock& fault);
  void effect(const SetClockRate& fault);
  void effect(const ResetClock& fault);
  void effect(const SkipSweeps& fault);
  void effect(const ExpireKey& fault);
  void effect(const WipeHistory& fault);
  void effect(const ForgetWatchers& fault);
  void effect(const ChangeLeader& fault);
  void effect(const AddRule& fault) { rules_.add(fault.rule); }
  void effect(const RemoveRules& fault) { release(rules_.remove_named(fault.name)); }
  void effect(const Recover& fault);
  void set_running(Replica& at, bool running);
  /// Throws std::invalid_argument if the clocks cannot show what the fault asks for.
  void check_clock(const Fault& fault);

  // Time.
  void run_until(Instant now);
  void sweep();
  [[nodiscard]] Instant next_sweep();
  [[nodiscard]] Instant next_due_locked();
  [[nodiscard]] std::pair<Instant, Replica*> next_watch_end();

  const ClusterOptions options_;
  ManualClock own_clock_;
  const Clock* const clock_;
  mutable internal::LocalMutex mutex_;
  std::function<void(Instant)> wake_;
  Instant announced_due_ = Instant::max();
  AuditObserver observer_;
  std::map<NodeId, std::function<void(bool)>> on_running_;
  IncidentObserver incident_observer_;
  std::uint64_t resets_ = 0;  // Part of each ticket, so that one from before a reset names nothing.
};

}  // namespace deimos::fake

// A cluster from within: one mutex over its parts, and the calls that a Cluster or a Node passes on to them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/fake/audit.h>
#include <deimos/fake/cluster_options.h>
#include <deimos/fake/cluster_state.h>
#include <deimos/fake/condition.h>
#include <deimos/fake/data.h>
#include <deimos/fake/fault.h>
#include <deimos/fake/incident.h>
#include <deimos/fake/node_options.h>
#include <deimos/fake/plan.h>
#include <deimos/fake/request_handler.h>
#include <deimos/internal/local_mutex.h>

#include "cluster/cluster_context.h"
#include "cluster/condition_check.h"
#include "cluster/consensus.h"
#include "cluster/fault_effects.h"
#include "cluster/replicas.h"
#include "cluster/request_path.h"
#include "cluster/sweeper.h"

namespace deimos::fake {

/// What a reset makes anew: nodes that run, of which the first leads.
struct ClusterParts {
  ClusterParts(ClusterContext& context, std::uint64_t seed, std::uint64_t resets)
      : replicas(context, consensus),
        consensus(context, replicas, seed, Replicas::first_raft_index(context.options)),
        path(context, consensus, replicas, seed, resets),
        sweeper(context, consensus, replicas, seed),
        faults(context, consensus, replicas, path, sweeper) {}

  Replicas replicas;
  Consensus consensus;
  RequestPath path;
  Sweeper sweeper;
  FaultEffects faults;
};

/// Thread-safe. See Cluster for what each call does.
class ClusterCore final {
 public:
  using Ticket = RequestHandler::Ticket;

  explicit ClusterCore(ClusterOptions options);

  [[nodiscard]] NodeId size() const noexcept { return options_.nodes; }
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
  std::vector<FaultId> run(const Plan& plan);
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
  [[nodiscard]] Journal journal(const JournalFilter& filter, std::size_t limit);
  [[nodiscard]] JournalVerdict verify(const JournalFilter& filter, const Times& times);
  void clear_journal();
  [[nodiscard]] WaitResult wait_until(const Condition& condition, const WaitOptions& options,
                                      const std::stop_token& stop);
  [[nodiscard]] Data data(bool indexes);
  void load(const Data& data);
  void on_journal(JournalObserver observer);

 private:
  class Call;

  [[nodiscard]] RequestJournal& kept_journal() DEIMOS_REQUIRES(mutex_);
  [[nodiscard]] ConditionCheck check() DEIMOS_REQUIRES(mutex_);
  [[nodiscard]] WaitResult advance_until(const Condition& condition, const WaitOptions& options,
                                         const std::stop_token& stop);
  [[nodiscard]] WaitResult await(const Condition& condition, const WaitOptions& options, const std::stop_token& stop);
  [[nodiscard]] WaitResult result(const Condition& condition, Instant begin, std::string_view ended_by)
      DEIMOS_REQUIRES(mutex_);
  [[nodiscard]] std::string how_it_ended(std::uint64_t resets, const std::stop_token& stop,
                                         std::chrono::nanoseconds within) DEIMOS_REQUIRES(mutex_);
  void run_until(Instant now) DEIMOS_REQUIRES(mutex_);
  [[nodiscard]] Instant first_due() const DEIMOS_REQUIRES(mutex_);
  [[nodiscard]] NodeState state_of(NodeId node, Instant now) DEIMOS_REQUIRES(mutex_);

  const ClusterOptions options_;
  ManualClock own_clock_;
  const Clock* const clock_;
  internal::LocalMutex mutex_;
  ClusterContext context_ DEIMOS_GUARDED_BY(mutex_);
  std::uint64_t resets_ DEIMOS_GUARDED_BY(mutex_) = 0;
  std::optional<ClusterParts> parts_ DEIMOS_GUARDED_BY(mutex_);
  std::function<void(Instant)> wake_ DEIMOS_GUARDED_BY(mutex_);
  Instant announced_due_ DEIMOS_GUARDED_BY(mutex_) = Instant::max();
  bool closed_ DEIMOS_GUARDED_BY(mutex_) = false;
  std::condition_variable_any changed_;  // For those who wait for a condition.
  int waiters_ DEIMOS_GUARDED_BY(mutex_) = 0;
};

}  // namespace deimos::fake

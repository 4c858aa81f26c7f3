#include "cluster/cluster_core.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <deimos/internal/broken_rule.h>

#include "cluster/cluster_core_state.h"

namespace deimos::fake {
namespace {

template <typename Value>
void require(bool holds, std::string_view rule, Value value) {
  if (!holds) throw std::invalid_argument(internal::broken_rule(rule, value));
}

ClusterOptions checked(ClusterOptions options) {
  require(options.nodes >= 1 && options.nodes <= most_nodes, "nodes must be from 1 to 99", options.nodes);
  require(options.members.size() <= options.nodes, "members must be no more than nodes", options.members.size());
  require(options.request_timeout.count() > 0, "request_timeout must be positive", options.request_timeout);
  require(options.tick.count() > 0 && options.tick <= std::chrono::hours(1), "tick must be positive, at most 1h",
          options.tick);
  require(options.election_ticks_least >= 1, "election_ticks_least must be positive", options.election_ticks_least);
  require(options.election_ticks_most >= options.election_ticks_least && options.election_ticks_most <= 1'000'000,
          "election_ticks_most must be from election_ticks_least to 1,000,000", options.election_ticks_most);
  require(options.lease.count() >= 0, "lease must not be negative", options.lease);
  require(options.lag_least.count() >= 0, "lag_least must not be negative", options.lag_least);
  require(options.lag_most >= options.lag_least, "lag_most must not be below lag_least", options.lag_most);
  require(options.sweep_interval.count() > 0, "sweep_interval must be positive", options.sweep_interval);
  require(options.missed_sweeps >= 0 && options.missed_sweeps < 1, "missed_sweeps must be from 0 to below 1",
          options.missed_sweeps);
  require(options.limits.watch_timeout.count() > 0, "limits.watch_timeout must be positive",
          options.limits.watch_timeout);
  require(options.token_ttl.count() > 0, "token_ttl must be positive", options.token_ttl);
  require(options.log_entries > 0, "log_entries must be positive", options.log_entries);
  require(options.log_bytes > 0, "log_bytes must be positive", options.log_bytes);
  require(options.limits.history_capacity > 0, "limits.history_capacity must be positive",
          options.limits.history_capacity);
  return options;
}

}  // namespace

ClusterCore::ClusterCore(ClusterOptions options)
    : options_(checked(std::move(options))),
      clock_(options_.clock != nullptr ? options_.clock : &own_clock_),
      context_{options_, *clock_} {
  parts_.emplace(context_, options_.seed, resets_);
}

void ClusterCore::check(NodeId node) const {
  if (node >= 1 && node <= size()) return;
  throw std::invalid_argument("there is no node " + std::to_string(node) + " in a cluster of " +
                              std::to_string(size()));
}

// Requests.

ClusterCore::Ticket ClusterCore::handle(NodeId node, const Origin& origin, const Request& request,
                                        const std::shared_ptr<Reply>& reply) {
  const Call call(*this);
  return parts_->path.handle(node, origin, request, reply);
}

void ClusterCore::abandon(Ticket ticket) {
  const Call call(*this);
  parts_->path.abandon(ticket);
}

void ClusterCore::close(NodeId node) {
  const Call call(*this);
  for (NodeId id = 1; id <= size(); ++id) {
    if (node == 0 || id == node) parts_->path.close(id);
  }
  if (node != 0) return;
  closed_ = true;
  context_.events.clear();
}

void ClusterCore::reset(std::uint64_t seed) {
  const Call call(*this);
  for (NodeId id = 1; id <= size(); ++id) {
    parts_->path.close(id);
    parts_->consensus.set_running(id, true);
  }
  own_clock_.set(ManualClock::epoch);
  context_.events.clear();
  parts_.emplace(context_, seed, ++resets_);
  context_.journal.reset();
  closed_ = false;
}

// Time.

void ClusterCore::advance(std::chrono::nanoseconds by) {
  const Call call(*this);
  if (options_.clock != nullptr) throw std::logic_error("advance() needs a clock of the cluster's own");
  const Instant begin = own_clock_.now();
  if (by.count() < 0 || by > Instant::max() - begin)
    throw std::invalid_argument(
        internal::broken_rule("advance must move the clock forward, to an instant before 2262", by));
  const Instant target = begin + by;
  for (Instant due = first_due(); due <= target && due != Instant::max(); due = first_due()) {
    own_clock_.set(std::max(due, own_clock_.now()));
    run_until(own_clock_.now());
  }
  own_clock_.set(target);
}

void ClusterCore::run_due() {
  const Call call(*this);
  run_until(now());
}

Instant ClusterCore::next_due() {
  const internal::LocalMutexLock lock(mutex_);
  return first_due();
}

void ClusterCore::on_due_sooner(std::function<void(Instant)> wake) {
  const internal::LocalMutexLock lock(mutex_);
  wake_ = std::move(wake);
  announced_due_ = first_due();
}

void ClusterCore::on_running(NodeId node, std::function<void(bool)> call) {
  const internal::LocalMutexLock lock(mutex_);
  auto& kept = context_.on_running[node] = std::move(call);
  if (!parts_->consensus.member(node).running && kept) kept(false);
}

Instant ClusterCore::now(NodeId node) {
  check(node);
  const internal::LocalMutexLock lock(mutex_);
  return parts_->consensus.member(node).clock.at(now());
}

void ClusterCore::run_until(Instant now) {
  for (;;) {
    const Instant event = context_.events.next();
    const Instant sweep = parts_->sweeper.next();
    const auto [watch_end, node] = parts_->replicas.next_watch_end();
    const Instant first = std::min({event, sweep, watch_end});
    if (first > now || first == Instant::max()) return;
    if (event == first) {
      context_.events.take()();
    } else if (sweep == first) {
      parts_->sweeper.sweep();
    } else {
      parts_->replicas.end_watch(node);
    }
  }
}

Instant ClusterCore::first_due() const {
  return std::min({context_.events.next(), parts_->sweeper.next(), parts_->replicas.next_watch_end().first});
}

// Faults and rules.

void ClusterCore::apply(const Fault& fault) {
  validate(fault, size());
  const Call call(*this);
  parts_->faults.check_clock(fault);
  parts_->faults.apply(fault);
}

FaultId ClusterCore::at(Instant instant, Fault fault) {
  validate(fault, size());
  const Call call(*this);
  if (instant < now()) throw std::invalid_argument("a fault cannot be scheduled for an instant that has passed");
  parts_->faults.check_clock(fault);
  return parts_->faults.schedule(instant, std::move(fault));
}

FaultId ClusterCore::after(std::chrono::nanoseconds delay, Fault fault) {
  if (delay.count() < 0) throw std::invalid_argument("a fault cannot be scheduled after a negative duration");
  if (delay > Instant::max() - now()) throw std::invalid_argument("a fault cannot be scheduled after the end of time");
  return at(now() + delay, std::move(fault));
}

std::vector<FaultId> ClusterCore::run(const Plan& plan) {
  validate(plan, size());
  const Call call(*this);
  for (const PlannedFault& planned : plan.faults) {
    if (planned.after > Instant::max() - now()) {
      throw std::invalid_argument("a fault cannot be scheduled after the end of time");
    }
    parts_->faults.check_clock(planned.fault);
  }
  std::vector<FaultId> ids;
  for (const PlannedFault& planned : plan.faults) {
    if (planned.after.count() == 0) {
      parts_->faults.apply(planned.fault);
      ids.push_back(0);
    } else {
      ids.push_back(parts_->faults.schedule(now() + planned.after, planned.fault));
    }
  }
  return ids;
}

bool ClusterCore::cancel(FaultId fault) {
  const Call call(*this);
  return parts_->faults.cancel(fault);
}

std::vector<PendingFault> ClusterCore::pending_faults() {
  const internal::LocalMutexLock lock(mutex_);
  return parts_->faults.pending();
}

RuleId ClusterCore::add_rule(Rule rule) {
  validate(rule, size());
  const Call call(*this);
  context_.tell(Incident::Kind::fault, 0, [&] { return "add rule " + describe(rule); });
  return parts_->path.rules().add(std::move(rule));
}

bool ClusterCore::remove_rule(RuleId rule) {
  const Call call(*this);
  const std::vector<RuleId> removed = parts_->path.rules().remove(rule);
  if (removed.empty()) return false;
  context_.tell(Incident::Kind::fault, 0, [&] { return "remove rule " + std::to_string(rule); });
  parts_->path.release(removed);
  return true;
}

std::vector<RuleStatus> ClusterCore::rules() {
  const internal::LocalMutexLock lock(mutex_);
  return parts_->path.rules().status();
}

// What is true.

NodeId ClusterCore::leader() {
  const internal::LocalMutexLock lock(mutex_);
  return parts_->consensus.can_commit() ? parts_->consensus.leader() : 0;
}

std::uint64_t ClusterCore::term() {
  const internal::LocalMutexLock lock(mutex_);
  return parts_->consensus.term();
}

NodeStatistics ClusterCore::statistics(NodeId node) {
  const internal::LocalMutexLock lock(mutex_);
  parts_->consensus.catch_up(node);
  return parts_->replicas.statistics(node);
}

void ClusterCore::set_observer(AuditObserver observer) {
  const internal::LocalMutexLock lock(mutex_);
  context_.observer = std::move(observer);
}

void ClusterCore::on_incident(IncidentObserver observer) {
  const internal::LocalMutexLock lock(mutex_);
  context_.on_incident = std::move(observer);
}

std::optional<Applied> ClusterCore::applied(std::uint64_t request) {
  const internal::LocalMutexLock lock(mutex_);
  return parts_->replicas.applied(request);
}

RequestJournal& ClusterCore::kept_journal() {
  if (!context_.journal.keeps()) throw std::logic_error("no journal is kept: ClusterOptions::journal_entries is 0");
  return context_.journal;
}

Journal ClusterCore::journal(const JournalFilter& filter, std::size_t limit) {
  validate(filter, size());
  const internal::LocalMutexLock lock(mutex_);
  return kept_journal().find(filter, limit);
}

JournalVerdict ClusterCore::verify(const JournalFilter& filter, const Times& times) {
  validate(filter, size());
  if (times.at_least > times.at_most) throw std::invalid_argument("at least more than at most can never hold");
  const internal::LocalMutexLock lock(mutex_);
  return kept_journal().verify(filter, times);
}

void ClusterCore::clear_journal() {
  const internal::LocalMutexLock lock(mutex_);
  kept_journal().clear();
}

void ClusterCore::on_journal(JournalObserver observer) {
  const internal::LocalMutexLock lock(mutex_);
  context_.journal.observe(std::move(observer));
}

Data ClusterCore::data(bool indexes) {
  const internal::LocalMutexLock lock(mutex_);
  return check().committed().dump(now(), indexes);
}

void ClusterCore::load(const Data& data) {
  if (options_.dialect == Dialect::etcd3) throw std::logic_error("a cluster of the etcd3 dialect loads no data");
  validate(data, options_.limits.key_limit);
  const Call call(*this);
  Consensus& consensus = parts_->consensus;
  if (!consensus.can_commit()) throw std::logic_error("no leader can commit the data: heal the cluster first");
  const std::uint64_t index = check().committed().index();
  if (data.index != 0 && data.index < index) {
    throw std::invalid_argument("index " + std::to_string(data.index) + " is behind that of the cluster, " +
                                std::to_string(index) + ": reset it first, or leave the indexes out");
  }
  Proposal proposal;
  proposal.accepted_by = consensus.leader();
  proposal.accepted_at = now();
  proposal.load = std::make_shared<const Data>(data);
  consensus.propose(consensus.leader(), std::move(proposal));
}

ClusterState ClusterCore::state() {
  const internal::LocalMutexLock lock(mutex_);
  Consensus& consensus = parts_->consensus;
  consensus.catch_up_all();
  ClusterState state;
  state.now = now();
  state.leader = consensus.can_commit() ? consensus.leader() : 0;
  state.term = consensus.term();
  state.committed = consensus.committed();
  state.pending = consensus.pending();
  state.scheduled_faults = parts_->faults.pending().size();
  state.rules = parts_->path.rules().status();
  for (NodeId id = 1; id <= size(); ++id) state.nodes.push_back(state_of(id, state.now));
  return state;
}

NodeState ClusterCore::state_of(NodeId id, Instant now) {
  const Member& member = parts_->consensus.member(id);
  const Replica& replica = parts_->replicas[id];
  NodeState node;
  node.id = id;
  node.name = parts_->replicas.members()[id].name;
  node.client_url = parts_->replicas.members()[id].client_url;
  node.running = member.running;
  node.paused = member.paused;
  node.role = member.role;
  node.leader = member.leader;
  node.term = member.term;
  const NodeStatistics counts = parts_->replicas.statistics(id);
  node.index = counts.index;
  node.applied = member.applied;
  for (NodeId other = 1; other <= size(); ++other) {
    if (other != id && parts_->consensus.links().whole(id, other)) node.reaches.push_back(other);
  }
  node.clock_offset = member.clock.at(now) - now;
  node.clock_rate = static_cast<double>(member.clock.rate()) / static_cast<double>(NodeClock::true_rate);
  node.watchers = counts.watchers;
  node.waiting = replica.waiting.size() + parts_->path.undelivered(id);
  node.keys = counts.keys;
  node.requests = counts.requests;
  return node;
}

}  // namespace deimos::fake

#include "cluster_core.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "cluster_call.h"
#include "member_record.h"

namespace deimos::fake {
namespace {

void require(bool holds, const char* otherwise) {
  if (!holds) throw std::invalid_argument(otherwise);
}

ClusterOptions checked(ClusterOptions options) {
  require(options.nodes >= 1 && options.nodes <= 99, "nodes must be from 1 to 99");
  require(options.members.size() <= options.nodes, "more members than nodes");
  require(options.request_timeout.count() > 0, "request_timeout must be positive");
  require(options.tick.count() > 0 && options.tick <= std::chrono::hours(1), "tick must be positive, at most an hour");
  require(options.election_ticks_least >= 1 && options.election_ticks_most >= options.election_ticks_least &&
              options.election_ticks_most <= 1'000'000,
          "an election takes 1 to 1,000,000 ticks, at least as many at most as at least");
  require(options.lease.count() >= 0, "lease must not be negative");
  require(options.lag_least.count() >= 0 && options.lag_most >= options.lag_least,
          "lag must not be negative, and no less at most than at least");
  require(options.sweep_interval.count() > 0, "sweep_interval must be positive");
  require(options.missed_sweeps >= 0 && options.missed_sweeps < 1, "missed_sweeps must be from 0 to below 1");
  require(options.watch_timeout.count() > 0, "watch_timeout must be positive");
  require(options.history_capacity > 0, "history_capacity must be positive");
  return options;
}

NodeOptions node_options(const ClusterOptions& cluster, NodeId id) {
  MemberOptions member = id <= cluster.members.size() ? cluster.members[id - 1] : MemberOptions{};
  const auto url = [&](NodeId base) { return "http://127.0.0.1:" + std::to_string(base + id); };
  if (member.name.empty()) member.name = "node" + std::to_string(id);
  if (member.client_url.empty()) member.client_url = url(4000);
  if (member.peer_url.empty()) member.peer_url = url(7000);
  NodeOptions options;
  options.name = std::move(member.name);
  options.client_url = std::move(member.client_url);
  options.peer_url = std::move(member.peer_url);
  options.watch_timeout = cluster.watch_timeout;
  options.history_capacity = cluster.history_capacity;
  options.watch_backlog = cluster.watch_backlog;
  options.target_limit = cluster.target_limit;
  options.key_limit = cluster.key_limit;
  options.form_limit = cluster.form_limit;
  return options;
}

/// Names and URLs tell members apart.
void check_distinct(const std::vector<std::unique_ptr<Replica>>& replicas) {
  for (std::size_t one = 0; one < replicas.size(); ++one) {
    for (std::size_t other = 0; other < one; ++other) {
      const NodeOptions& a = replicas[one]->options;
      const NodeOptions& b = replicas[other]->options;
      if (a.name != b.name && a.client_url != b.client_url && a.peer_url != b.peer_url) continue;
      throw std::invalid_argument("nodes " + std::to_string(other + 1) + " and " + std::to_string(one + 1) +
                                  " have the same name or URL");
    }
  }
}

std::string machines_text(const std::vector<std::unique_ptr<Replica>>& replicas) {
  std::vector<std::string> urls;
  for (const auto& replica : replicas) urls.push_back(replica->options.client_url);
  std::sort(urls.begin(), urls.end());
  std::string text;
  for (const std::string& url : urls) text.append(text.empty() ? "" : ", ").append(url);
  return text;
}

}  // namespace

ClusterCore::ClusterCore(ClusterOptions options)
    : options_(checked(std::move(options))),
      clock_(options_.clock != nullptr ? options_.clock : &own_clock_),
      start_(clock_->now()),
      last_sweep_(start_),
      links_(options_.nodes),
      rules_(options_.seed),
      election_random_(options_.seed, 2),
      pending_random_(options_.seed, 3),
      lag_random_(options_.seed, 4),
      sweep_random_(options_.seed, 5),
      flow_random_(options_.seed, 6) {
  for (NodeId id = 1; id <= options_.nodes; ++id) {
    replicas_.push_back(std::make_unique<Replica>(id, node_options(options_, id)));
    replicas_.back()->lag_least = options_.lag_least;
    replicas_.back()->lag_most = options_.lag_most;
  }
  check_distinct(replicas_);
  machines_ = machines_text(replicas_);

  // Each member is created, then each publishes its name. A real log holds a change of configuration for each before.
  std::vector<std::array<Command, 2>> records;
  for (const auto& member : replicas_) records.push_back(member_record(member->options));
  raft_index_ = std::uint64_t{3} * options_.nodes;
  for (const auto& at : replicas_) {
    for (const auto& record : records) at->store.apply(record[0], start_, at->watches);
    for (const auto& record : records) at->store.apply(record[1], start_, at->watches);
    at->raft_index = raft_index_;
    at->leader = leader_;
    at->hears = true;
  }
  replica(leader_).role = Role::leader;
  replica(leader_).had_quorum = true;
  can_commit_ = true;
}

void ClusterCore::check(NodeId node) const {
  if (node >= 1 && node <= replicas_.size()) return;
  throw std::invalid_argument("there is no node " + std::to_string(node) + " in a cluster of " +
                              std::to_string(replicas_.size()));
}

void ClusterCore::close(NodeId node) {
  const Call call(*this);
  for (const auto& at : replicas_) {
    if (node == 0 || at->id == node) close_locked(*at);
  }
  if (node == 0) events_.clear();
}

void ClusterCore::advance(std::chrono::nanoseconds by) {
  const Call call(*this);
  if (options_.clock != nullptr) throw std::logic_error("advance() needs a clock of the cluster's own");
  const Instant begin = own_clock_.now();
  if (by.count() < 0 || by > Instant::max() - begin) throw std::invalid_argument("the clock cannot move by so much");
  const Instant target = begin + by;
  for (Instant due = next_due_locked(); due <= target && due != Instant::max(); due = next_due_locked()) {
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
  const std::lock_guard lock(mutex_);
  return next_due_locked();
}

void ClusterCore::on_due_sooner(std::function<void(Instant)> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
  announced_due_ = next_due_locked();
}

Instant ClusterCore::now(NodeId node) {
  check(node);
  const std::lock_guard lock(mutex_);
  return replica(node).clock.at(now());
}

void ClusterCore::run_until(Instant now) {
  for (;;) {
    const Instant event = events_.next();
    const Instant sweeping = next_sweep();
    const auto [watch_end, at] = next_watch_end();
    if (std::min({event, sweeping, watch_end}) > now) return;
    if (event <= sweeping && event <= watch_end) {
      events_.take()();
    } else if (sweeping <= watch_end) {
      sweep();
    } else {
      const WatcherId watcher = at->watches.first_deadline().second;
      at->store.unwatch(watcher);
      at->watches.end(watcher);
    }
  }
}

Instant ClusterCore::next_due_locked() { return std::min({events_.next(), next_sweep(), next_watch_end().first}); }

std::pair<Instant, Replica*> ClusterCore::next_watch_end() {
  std::pair<Instant, Replica*> first{Instant::max(), nullptr};
  for (const auto& at : replicas_) {
    if (at->paused) continue;
    if (const Instant deadline = at->watches.first_deadline().first; deadline < first.first)
      first = {deadline, at.get()};
  }
  return first;
}

/// The first point of the grid at which the leader finds something to expire.
Instant ClusterCore::next_sweep() {
  if (!can_commit_) return Instant::max();
  const Replica& at = replica(leader_);
  const Instant expiration = at.store.next_expiration();
  if (expiration == Instant::max()) return expiration;
  const Instant from =
      std::max({at.clock.first_true_time(expiration), sweeps_from_, last_sweep_ + std::chrono::nanoseconds(1), start_});
  const auto intervals = (from - start_ - std::chrono::nanoseconds(1)) / options_.sweep_interval + 1;
  const auto room = (Instant::max() - start_) / options_.sweep_interval;
  return intervals > room ? Instant::max() : start_ + intervals * options_.sweep_interval;
}

void ClusterCore::sweep() {
  last_sweep_ = now();
  if (sweep_random_.chance(options_.missed_sweeps)) return;
  Proposal proposal;
  proposal.accepted_by = leader_;
  proposal.accepted_at = last_sweep_;
  proposal.command.emplace();
  proposal.command->kind = Command::Kind::sweep;
  proposal.command->sweep_until = replica(leader_).clock.at(last_sweep_);
  commit(std::move(proposal));
}

}  // namespace deimos::fake

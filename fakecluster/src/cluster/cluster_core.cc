#include "cluster/cluster_core.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "cluster/cluster_call.h"

namespace deimos::fake {
namespace {

void require(bool holds, const char* otherwise) {
  if (!holds) throw std::invalid_argument(otherwise);
}

const ClusterOptions& checked(const ClusterOptions& options) {
  require(options.nodes >= 1 && options.nodes <= most_nodes, "nodes must be from 1 to 99");
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

}  // namespace

ClusterCore::ClusterCore(ClusterOptions options)
    : ClusterData(checked(options), options.seed, options.clock != nullptr ? options.clock->now() : ManualClock::epoch),
      options_(std::move(options)),
      clock_(options_.clock != nullptr ? options_.clock : &own_clock_) {}

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

void ClusterCore::reset(std::uint64_t seed) {
  const Call call(*this);
  for (const auto& at : replicas_) {
    close_locked(*at);
    set_running(*at, true);
  }
  own_clock_.set(ManualClock::epoch);
  static_cast<ClusterData&>(*this) = ClusterData(options_, seed, now());
  ++resets_;
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
  const internal::LocalMutexLock lock(mutex_);
  return next_due_locked();
}

void ClusterCore::on_due_sooner(std::function<void(Instant)> wake) {
  const internal::LocalMutexLock lock(mutex_);
  wake_ = std::move(wake);
  announced_due_ = next_due_locked();
}

Instant ClusterCore::now(NodeId node) {
  check(node);
  const internal::LocalMutexLock lock(mutex_);
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

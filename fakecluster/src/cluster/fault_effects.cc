// What each fault does to the cluster.
#include <stdexcept>
#include <utility>
#include <variant>

#include "cluster/cluster_call.h"
#include "cluster/cluster_core.h"
#include "faults/pattern.h"

namespace deimos::fake {
namespace {

/// Clocks are kept well within what an Instant holds, so that leases still fit behind.
constexpr Instant first_shown{std::chrono::sys_days{std::chrono::year{1970} / 1 / 1}};
constexpr Instant last_shown{std::chrono::sys_days{std::chrono::year{2200} / 1 / 1}};

bool can_show(Instant instant, std::chrono::nanoseconds more) {
  return more >= first_shown - instant && more <= last_shown - instant;
}

/// `instant + by`, or as far as clocks go.
Instant shifted(Instant instant, std::chrono::nanoseconds by) {
  if (can_show(instant, by)) return instant + by;
  return by.count() > 0 ? last_shown : first_shown;
}

std::int64_t parts(double rate) { return static_cast<std::int64_t>(rate * NodeClock::true_rate); }

}  // namespace

void ClusterCore::apply(const Fault& fault) {
  validate(fault, size());
  const Call call(*this);
  check_clock(fault);
  apply_locked(fault);
}

FaultId ClusterCore::at(Instant instant, Fault fault) {
  validate(fault, size());
  const Call call(*this);
  if (instant < now()) throw std::invalid_argument("a fault cannot be scheduled for an instant that has passed");
  check_clock(fault);
  const FaultId id = ++last_scheduled_;
  const TimedEvents::Id event =
      events_.add(instant, [this, id] { apply_locked(scheduled_.extract(id).mapped().second); });
  scheduled_.emplace(id, std::pair(event, std::move(fault)));
  return id;
}

FaultId ClusterCore::after(std::chrono::nanoseconds delay, Fault fault) {
  if (delay.count() < 0) throw std::invalid_argument("a fault cannot be scheduled after a negative duration");
  if (delay > Instant::max() - now()) throw std::invalid_argument("a fault cannot be scheduled after the end of time");
  return at(now() + delay, std::move(fault));
}

bool ClusterCore::cancel(FaultId fault) {
  const Call call(*this);
  const auto found = scheduled_.find(fault);
  if (found == scheduled_.end()) return false;
  events_.cancel(found->second.first);
  scheduled_.erase(found);
  return true;
}

std::vector<PendingFault> ClusterCore::pending_faults() {
  const internal::LocalMutexLock lock(mutex_);
  std::vector<PendingFault> faults;
  for (const auto& [id, scheduled] : scheduled_) faults.push_back({id, scheduled.first.at, scheduled.second});
  return faults;
}

RuleId ClusterCore::add_rule(Rule rule) {
  validate(rule, size());
  const Call call(*this);
  tell(Incident::Kind::fault, 0, [&] { return "add rule " + describe(rule); });
  return rules_.add(std::move(rule));
}

bool ClusterCore::remove_rule(RuleId rule) {
  const Call call(*this);
  const std::vector<RuleId> removed = rules_.remove(rule);
  if (!removed.empty()) tell(Incident::Kind::fault, 0, [&] { return "remove rule " + std::to_string(rule); });
  release(removed);
  return !removed.empty();
}

void ClusterCore::check_clock(const Fault& fault) {
  const auto* skew = std::get_if<SkewClock>(&fault);
  const auto* step = std::get_if<StepClock>(&fault);
  if ((skew == nullptr || can_show(now(), skew->offset)) &&
      (step == nullptr || can_show(replica(step->node).clock.at(now()), step->by))) {
    return;
  }
  throw std::invalid_argument("the clock would overflow: it can show 1970 to 2200");
}

void ClusterCore::apply_locked(const Fault& fault) {
  // What nobody has looked at yet was applied before this.
  catch_up_all();
  tell(Incident::Kind::fault, 0, [&] { return describe(fault); });
  std::visit([this](const auto& kind) { effect(kind); }, fault);
  reconsider();
  // Requests that hung come after what the node has missed.
  for (const auto& at : replicas_) {
    if (!at->active()) continue;
    std::vector<std::uint64_t> overdue;
    for (const auto& [proposal, waiting] : at->waiting) {
      if (waiting.overdue) overdue.push_back(proposal);
    }
    for (const std::uint64_t proposal : overdue) time_out(at->id, proposal);
    for (const auto& intercepted : std::exchange(at->undelivered, {})) deliver(intercepted);
  }
}

void ClusterCore::effect(const Lag& fault) {
  Replica& at = replica(fault.node);
  at.lag_least = fault.least;
  at.lag_most = fault.most;
}

void ClusterCore::set_running(Replica& at, bool running) {
  if (std::exchange(at.running, running) == running) return;
  if (const auto& call = on_running_[at.id]) call(running);
}

void ClusterCore::on_running(NodeId node, std::function<void(bool)> call) {
  const internal::LocalMutexLock lock(mutex_);
  on_running_[node] = std::move(call);
  if (!replica(node).running && on_running_[node]) on_running_[node](false);
}

void ClusterCore::effect(const Crash& fault) {
  Replica& at = replica(fault.node);
  if (!at.running) return;
  set_running(at, false);
  at.paused = false;
  lose_quorum(at);
  at.role = Role::follower;
  at.leader = 0;
  at.lease_end = {};
  at.leaderless.clear();
  at.forwarded.clear();
  at.store.forget_watchers();
  at.watches.break_all();
  while (!at.waiting.empty()) {
    if (auto waiting = take_waiting(at, at.waiting.begin()->first)) waiting->reply->broken(Delivery::unknown);
  }
  for (const auto& intercepted : std::exchange(at.undelivered, {})) intercepted->broken(Delivery::not_sent);
}

void ClusterCore::effect(const Restart& fault) {
  Replica& at = replica(fault.node);
  if (at.running) return;
  set_running(at, true);
  if (fault.from_snapshot) at.store.wipe_history();
}

void ClusterCore::effect(const Resume& fault) { replica(fault.node).paused = false; }

void ClusterCore::effect(const SkewClock& fault) {
  NodeClock& clock = replica(fault.node).clock;
  clock.set(now(), shifted(now(), fault.offset), clock.rate());
}

void ClusterCore::effect(const StepClock& fault) {
  NodeClock& clock = replica(fault.node).clock;
  clock.set(now(), shifted(clock.at(now()), fault.by), clock.rate());
}

void ClusterCore::effect(const SetClockRate& fault) {
  NodeClock& clock = replica(fault.node).clock;
  clock.set(now(), clock.at(now()), parts(fault.rate));
}

void ClusterCore::effect(const ResetClock& fault) { replica(fault.node).clock.set(now(), now(), NodeClock::true_rate); }

void ClusterCore::effect(const SkipSweeps& fault) { sweeps_from_ = now() + fault.duration; }

void ClusterCore::effect(const ExpireKey& fault) {
  Proposal proposal;
  proposal.accepted_by = leader_;
  proposal.accepted_at = now();
  proposal.command.emplace();
  proposal.command->kind = Command::Kind::expire;
  proposal.command->key = fault.key;
  if (reigns()) route(replica(leader_), std::move(proposal));
}

void ClusterCore::effect(const WipeHistory& fault) {
  for (const auto& at : replicas_) {
    if (fault.node == 0 || fault.node == at->id) at->store.wipe_history();
  }
}

void ClusterCore::effect(const ForgetWatchers& fault) {
  for (const auto& at : replicas_) {
    if (fault.node != 0 && fault.node != at->id) continue;
    for (const WatcherId watcher :
         at->watches.of([&](const std::string& key) { return fault.key.empty() || pattern_matches(fault.key, key); })) {
      at->store.unwatch(watcher);
    }
  }
}

void ClusterCore::effect(const ChangeLeader& fault) {
  std::vector<Replica*> fit;
  for (const auto& at : replicas_) {
    if (at->id == leader_ && reigns()) continue;
    if ((fault.to == 0 || fault.to == at->id) && can_win(*at)) fit.push_back(at.get());
  }
  if (!fit.empty()) elect(*fit[election_random_.below(fit.size())]);
}

void ClusterCore::effect(const Recover& /*fault*/) {
  links_.mend();
  sweeps_from_ = {};
  for (const auto& at : replicas_) {
    set_running(*at, true);
    at->paused = false;
    at->clock = {};
    at->lag_least = at->lag_most = {};
  }
  release(rules_.remove_named(""));
}

}  // namespace deimos::fake

#include "cluster/fault_effects.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <variant>

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

FaultId FaultEffects::schedule(Instant instant, Fault fault) {
  const FaultId id = ++last_scheduled_;
  const TimedEvents::Id event =
      context_.events.add(instant, [this, id] { apply(scheduled_.extract(id).mapped().second); });
  scheduled_.emplace(id, std::pair(event, std::move(fault)));
  return id;
}

bool FaultEffects::cancel(FaultId fault) {
  const auto found = scheduled_.find(fault);
  if (found == scheduled_.end()) return false;
  context_.events.cancel(found->second.first);
  scheduled_.erase(found);
  return true;
}

std::vector<PendingFault> FaultEffects::pending() const {
  std::vector<PendingFault> faults;
  for (const auto& [id, scheduled] : scheduled_) faults.push_back({id, scheduled.first.at, scheduled.second});
  return faults;
}

void FaultEffects::check_clock(const Fault& fault) const {
  const Instant now = context_.now();
  const auto* skew = std::get_if<SkewClock>(&fault);
  const auto* step = std::get_if<StepClock>(&fault);
  if ((skew == nullptr || can_show(now, skew->offset)) &&
      (step == nullptr || can_show(consensus_.member(step->node).clock.at(now), step->by))) {
    return;
  }
  throw std::invalid_argument("the clock would overflow: it can show 1970 to 2200");
}

void FaultEffects::apply(const Fault& fault) {
  // What nobody has looked at yet was applied before this.
  consensus_.catch_up_all();
  context_.tell(Incident::Kind::fault, 0, [&] { return describe(fault); });
  std::visit([this](const auto& kind) { effect(kind); }, fault);
  consensus_.reconsider();
  // Requests that hung come after what the node has missed.
  for (NodeId node = 1; node <= consensus_.size(); ++node) {
    if (at(node).active()) path_.resume(node);
  }
}

void FaultEffects::effect(const Lag& fault) {
  at(fault.node).lag_least = fault.least;
  at(fault.node).lag_most = fault.most;
  consensus_.delay_commits(fault.node, {});
}

void FaultEffects::effect(const Crash& fault) {
  if (!at(fault.node).running) return;
  consensus_.set_running(fault.node, false);
  path_.crash(fault.node);
}

void FaultEffects::effect(const Restart& fault) {
  if (at(fault.node).running) return;
  consensus_.set_running(fault.node, true);
  consensus_.delay_commits(fault.node, fault.behind);
  if (fault.from_snapshot) replicas_[fault.node].store.wipe_history();
}

void FaultEffects::effect(const SkewClock& fault) {
  NodeClock& clock = at(fault.node).clock;
  clock.set(context_.now(), shifted(context_.now(), fault.offset), clock.rate());
}

void FaultEffects::effect(const StepClock& fault) {
  NodeClock& clock = at(fault.node).clock;
  clock.set(context_.now(), shifted(clock.at(context_.now()), fault.by), clock.rate());
}

void FaultEffects::effect(const SetClockRate& fault) {
  NodeClock& clock = at(fault.node).clock;
  clock.set(context_.now(), clock.at(context_.now()), parts(fault.rate));
}

void FaultEffects::effect(const ResetClock& fault) {
  at(fault.node).clock.set(context_.now(), context_.now(), NodeClock::true_rate);
}

void FaultEffects::effect(const ExpireKey& fault) {
  Proposal proposal;
  proposal.accepted_by = consensus_.leader();
  proposal.accepted_at = context_.now();
  if (const VersionReplicas* versions = replicas_.versions()) {
    const auto& store = (*versions)[proposal.accepted_by].store;
    const auto pair = store.at(fault.key, store.revision());
    if (!pair || pair->lease == 0) return;
    proposal.versions = std::make_shared<const versions::Change>(versions::RevokeRequest{pair->lease});
  } else {
    proposal.command.emplace();
    proposal.command->kind = Command::Kind::expire;
    proposal.command->key = fault.key;
  }
  if (at(proposal.accepted_by).role == Role::leader) {
    consensus_.propose(proposal.accepted_by, std::move(proposal));
  }
}

/// What the nodes of an etcd have of the past is the same at all of them.
void FaultEffects::compact() {
  Proposal proposal;
  proposal.accepted_by = consensus_.leader();
  proposal.accepted_at = context_.now();
  const std::int64_t revision = (*replicas_.versions())[proposal.accepted_by].store.revision();
  proposal.versions = std::make_shared<const versions::Change>(versions::CompactionRequest{revision});
  if (at(proposal.accepted_by).role == Role::leader) consensus_.propose(proposal.accepted_by, std::move(proposal));
}

void FaultEffects::effect(const WipeHistory& fault) {
  if (replicas_.versions() != nullptr) return compact();
  for (NodeId node = 1; node <= consensus_.size(); ++node) {
    if (fault.node == 0 || fault.node == node) replicas_[node].store.wipe_history();
  }
}

void FaultEffects::effect(const ForgetWatchers& fault) {
  for (NodeId node = 1; node <= consensus_.size(); ++node) {
    if (fault.node != 0 && fault.node != node) continue;
    if (VersionReplicas* versions = replicas_.versions()) {
      (*versions)[node].streams.forget(
          [&](const std::string& key) { return fault.key.empty() || pattern_matches(fault.key, key); });
      continue;
    }
    for (const WatcherId watcher : replicas_[node].watches.of(
             [&](const std::string& key) { return fault.key.empty() || pattern_matches(fault.key, key); })) {
      replicas_[node].store.unwatch(watcher);
    }
  }
}

void FaultEffects::effect(const Recover& /*fault*/) {
  consensus_.links().mend();
  sweeper_.skip_until({});
  for (NodeId node = 1; node <= consensus_.size(); ++node) {
    consensus_.set_running(node, true);
    at(node).paused = false;
    at(node).clock = {};
    at(node).lag_least = at(node).lag_most = {};
    consensus_.delay_commits(node, {});
  }
  path_.release(path_.rules().remove_named(""));
}

}  // namespace deimos::fake

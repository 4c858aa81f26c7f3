// What each fault does to the parts of a cluster, now or later.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include <deimos/fake/fault.h>

#include "cluster/cluster_context.h"
#include "cluster/consensus.h"
#include "cluster/replicas.h"
#include "cluster/request_path.h"
#include "cluster/sweeper.h"

namespace deimos::fake {

/// Not thread-safe: guarded by the cluster's mutex.
class FaultEffects {
 public:
  FaultEffects(ClusterContext& context, Consensus& consensus, Replicas& replicas, RequestPath& path, Sweeper& sweeper)
      : context_(context), consensus_(consensus), replicas_(replicas), path_(path), sweeper_(sweeper) {}

  /// Throws std::invalid_argument if the clocks cannot show what `fault` asks for.
  void check_clock(const Fault& fault) const;
  void apply(const Fault& fault);
  FaultId schedule(Instant instant, Fault fault);
  bool cancel(FaultId fault);
  [[nodiscard]] std::vector<PendingFault> pending() const;

 private:
  void effect(const Partition& fault) { consensus_.links().partition(fault.groups); }
  void effect(const CutLink& fault) { consensus_.links().set(fault.from, fault.to, false); }
  void effect(const MendLink& fault) { consensus_.links().set(fault.from, fault.to, true); }
  void effect(const Isolate& fault) { consensus_.links().set_all(fault.node, false); }
  void effect(const Rejoin& fault) { consensus_.links().set_all(fault.node, true); }
  void effect(const Heal&) { consensus_.links().mend(); }
  void effect(const Lag& fault);
  void effect(const Crash& fault);
  void effect(const Restart& fault);
  void effect(const Pause& fault) { at(fault.node).paused = at(fault.node).running; }
  void effect(const Resume& fault) { at(fault.node).paused = false; }
  void effect(const SkewClock& fault);
  void effect(const StepClock& fault);
  void effect(const SetClockRate& fault);
  void effect(const ResetClock& fault);
  void effect(const SkipSweeps& fault) { sweeper_.skip_until(context_.now() + fault.duration); }
  void effect(const ExpireKey& fault);
  void compact();
  void effect(const WipeHistory& fault);
  void effect(const ForgetWatchers& fault);
  void effect(const ChangeLeader& fault) { consensus_.change_leader(fault.to); }
  void effect(const AddRule& fault) { path_.rules().add(fault.rule); }
  void effect(const RemoveRules& fault) { path_.release(path_.rules().remove_named(fault.name)); }
  void effect(const Recover& fault);

  [[nodiscard]] Member& at(NodeId node) noexcept { return consensus_.member(node); }

  ClusterContext& context_;
  Consensus& consensus_;
  Replicas& replicas_;
  RequestPath& path_;
  Sweeper& sweeper_;
  std::map<FaultId, std::pair<TimedEvents::Id, Fault>> scheduled_;
  FaultId last_scheduled_ = 0;
};

}  // namespace deimos::fake

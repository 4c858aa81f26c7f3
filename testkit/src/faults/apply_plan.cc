// What a plan does to a simulation.
#include <algorithm>
#include <memory>
#include <variant>

#include <deimos/testkit/fault_plan.h>
#include <deimos/testkit/history.h>
#include <deimos/testkit/simulation.h>

#include "faults/overloaded.h"

namespace deimos::testkit {

std::vector<fake::Fault> undoing(const fake::Fault& fault) {
  using Faults = std::vector<fake::Fault>;
  return std::visit(Overloaded{[](const fake::Partition&) { return Faults{fake::Heal{}}; },
                               [](const fake::CutLink& f) {
                                 return Faults{fake::MendLink{f.from, f.to}};
                               },
                               [](const fake::Isolate& f) { return Faults{fake::Rejoin{f.node}}; },
                               [](const fake::Lag& f) {
                                 return Faults{fake::Lag{f.node, {}, {}}};
                               },
                               [](const fake::Crash& f) { return Faults{fake::Restart{f.node}}; },
                               [](const fake::Pause& f) { return Faults{fake::Resume{f.node}}; },
                               [](const fake::SkewClock& f) { return Faults{fake::ResetClock{f.node}}; },
                               [](const fake::StepClock& f) { return Faults{fake::ResetClock{f.node}}; },
                               [](const fake::SetClockRate& f) { return Faults{fake::ResetClock{f.node}}; },
                               [](const fake::AddRule& f) { return Faults{fake::RemoveRules{f.rule.name}}; },
                               [](const auto&) { return Faults{}; }},
                    fault);
}

namespace {

/// Begins and ends one episode.
class Stage {
 public:
  Stage(Simulation& simulation, LockRecorder* recorder, Duration lasts)
      : simulation_(simulation), recorder_(recorder), lasts_(lasts) {}

  void begin(const Disturbance& what) {
    std::visit(Overloaded{[&](const PauseProcess& f) {
                            if (recorder_ != nullptr) recorder_->stands_still(f.process, lasts_);
                            simulation_.pause(f.process, lasts_);
                          },
                          [&](const CrashProcess& f) {
                            if (f.loss) simulation_.disk(f.process).set_loss_at_crash(*f.loss);
                            simulation_.crash(f.process);
                          },
                          [&](const CutProcess& f) {
                            for (const int node : nodes(f)) simulation_.network().cut(f.process, node, f.direction);
                          },
                          [&](const CutProcesses& f) { simulation_.network().cut(f.process, f.other, f.direction); },
                          [&](const StepWallClock& f) { simulation_.wall_clock(f.process).step(f.by); },
                          [&](const BreakDisk& f) { simulation_.disk(f.process).set_fault(f.fault); },
                          [&](const BadLinks& f) {
                            LinkOptions links;
                            links.latency_max = std::max(links.latency_max, f.latency_most);
                            links.request_loss = f.request_loss;
                            links.answer_loss = f.answer_loss;
                            links.duplication = f.duplication;
                            simulation_.network().set_links(links);
                          },
                          [&](const CrashToSnapshot& f) { simulation_.cluster().crash(f.node); },
                          [&](const CrashToLateRestart& f) { simulation_.cluster().crash(f.node); },
                          [&](const fake::Fault& f) { simulation_.cluster().apply(f); }},
               what);
    note(what, " begins, for " + duration_as_code(lasts_));
  }

  void end(const Disturbance& what) {
    std::visit(Overloaded{[](const PauseProcess&) {}, [&](const CrashProcess& f) { simulation_.restart(f.process); },
                          [&](const CutProcess& f) {
                            for (const int node : nodes(f)) simulation_.network().heal(f.process, node);
                          },
                          [&](const CutProcesses& f) { simulation_.network().heal(f.process, f.other); },
                          [&](const StepWallClock& f) { simulation_.wall_clock(f.process).step(-f.by); },
                          [&](const BreakDisk& f) { simulation_.disk(f.process).set_fault(DiskFault::none); },
                          [&](const BadLinks&) { simulation_.network().set_links(LinkOptions{}); },
                          [&](const CrashToSnapshot& f) { simulation_.cluster().restart_from_snapshot(f.node); },
                          [&](const CrashToLateRestart& f) {
                            simulation_.cluster().apply(fake::Restart{f.node, false, f.behind});
                          },
                          [&](const fake::Fault& f) {
                            for (const fake::Fault& undo : undoing(f)) simulation_.cluster().apply(undo);
                          }},
               what);
    note(what, " is over");
  }

 private:
  void note(const Disturbance& what, const std::string& text) {
    if (recorder_ != nullptr) recorder_->note("fault", disturbance_as_code(what) + text);
  }
  [[nodiscard]] std::vector<int> nodes(const CutProcess& cut) const {
    std::vector<int> nodes;
    for (int node = 1; node <= static_cast<int>(simulation_.cluster().size()); ++node) {
      if (cut.node == 0 || cut.node == node) nodes.push_back(node);
    }
    return nodes;
  }

  Simulation& simulation_;
  LockRecorder* recorder_;
  Duration lasts_;
};

}  // namespace

void apply(const FaultPlan& plan, Simulation& simulation, LockRecorder* recorder) {
  const Duration start = simulation.elapsed();
  for (const Episode& episode : plan.episodes) {
    const auto stage = std::make_shared<Stage>(simulation, recorder, episode.lasts);
    // A task that is killed may live on for a while: what it does to others then would outlive the run.
    const auto over = [&simulation] { return simulation.scheduler().current_killed(); };
    simulation.at(start + episode.at, [stage, over, what = episode.what] {
      if (!over()) stage->begin(what);
    });
    simulation.at(start + episode.at + episode.lasts, [stage, over, what = episode.what] {
      if (!over()) stage->end(what);
    });
  }
}

}  // namespace deimos::testkit

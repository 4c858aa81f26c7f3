#include "lock_run.h"

#include <algorithm>
#include <map>

#include <deimos/testkit/history.h>
#include <deimos/testkit/lock_recorder.h>
#include <deimos/testkit/simulation.h>

namespace deimos::testkit {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

SimulationOptions options_of(const LockRun& run) {
  SimulationOptions options;
  options.seed = run.seed;
  options.nodes = run.nodes;
  options.links = run.links;
  return options;
}

class Runner {
 public:
  explicit Runner(const LockRun& run) : run_(run), simulation_(options_of(run)) {
    simulation_.cluster().set_observer([this](const fake::AuditRecord& record) {
      if (record.event && !record.error) result_.audit.push_back(record);
    });
    states_.resize(run.program.processes.size());
    for (std::size_t i = 0; i < states_.size(); ++i) spawn(i);
  }

  LockRunResult go() {
    try {
      apply(run_.plan, simulation_, &recorder_);
      const bool disjoint = step_until([&] { return simulation_.elapsed() >= run_.plan.over(); }, run_.plan.over());
      if (disjoint) calm();
    } catch (const SimulationFailure& failure) {
      add(finished, failure.what());
    }
    judge();
    return std::move(result_);
  }

 private:
  struct ProcessState {
    ProgramState program;
    bool done = false;
  };

  void spawn(std::size_t index) {
    const std::string name = name_of_process(index);
    ProcessOptions options;
    if (index < run_.clocks.size()) options.clock = run_.clocks[index];
    options.client.observer = recorder_.observe(name);
    simulation_.spawn(
        name, [this, index](Process& process) { live(index, process); }, options);
  }

  /// A process's life.
  void live(std::size_t index, Process& process) {
    ProcessState& state = states_[index];
    LockOptions options = run_.locks;
    options.owner = process.name();
    std::unique_ptr<LockClient> client =
        run_.client ? run_.client(process, options)
                    : make_lock_client(std::make_unique<LockManager>(process.client(), options));
    RecordedLocks locks(process, recorder_, std::move(client), options.request_timeout);
    run_steps(run_.program.processes[index], state.program, process, locks,
              [this](const std::string& name) -> FencedResource& { return resource(name); });
    while (simulation_.elapsed() < run_.plan.over()) process.sleep(run_.plan.over() - simulation_.elapsed());
    for (const std::string& name : lock_names()) {
      auto hold = locks.acquire(name);
      if (!hold) continue;
      process.sleep(process.random().between(Duration::zero(), std::chrono::milliseconds(100)));
      resource(name).write(*hold);
    }
    state.done = true;
    while (!over_) process.sleep(seconds(1));
  }

  FencedResource& resource(const std::string& name) {
    auto& known = resources_[name];
    if (!known) known = std::make_unique<FencedResource>(recorder_, name);
    return *known;
  }

  [[nodiscard]] std::vector<std::string> lock_names() const {
    int most = 0;
    for (const auto& steps : run_.program.processes) {
      for (const LockStep& step : steps) most = std::max(most, step.lock);
    }
    std::vector<std::string> names;
    for (int lock = 0; lock <= most; ++lock) names.push_back(name_of_lock(lock));
    return names;
  }

  [[nodiscard]] Duration patience() const {
    // A lease that nobody knows of, the sweep that ends it, and the next look of whoever waits.
    const Duration lease = run_.locks.ttl + run_.locks.max_clock_skew + run_.locks.request_timeout;
    return run_.patience > Duration::zero() ? run_.patience : lease + run_.locks.poll_interval + seconds(10);
  }

  /// Runs until `done`; mutual exclusion is looked at after every step. Whether it came so far.
  bool step_until(const std::function<bool()>& done, Duration limit) {
    std::optional<std::string> overlap;
    simulation_.run_until(
        [&] {
          overlap = recorder_.overlap();
          return overlap || done();
        },
        std::max(limit - simulation_.elapsed(), Duration::zero()));
    if (overlap) {
      add(exclusion, *overlap + "\nbefore that:\n" + recorder_.history().tail(40));
      return false;
    }
    return true;
  }

  /// The phase without faults.
  void calm() {
    simulation_.network().heal();
    simulation_.network().set_links(run_.links);
    simulation_.cluster().recover();
    calm_from_ = simulation_.elapsed();
    const auto all_done = [&] { return std::ranges::all_of(states_, &ProcessState::done); };
    if (!step_until(all_done, *calm_from_ + minutes(30))) return;
    if (!all_done()) {
      std::string text = "not everybody has got every lock:";
      for (const LockCall& call : recorder_.history().calls) {
        if (!call.returned && !call.crashed) text += "\n  " + describe(call);
      }
      return add(alive, text + "\n" + recorder_.history().tail(40));
    }
    simulation_.run_for(patience());
    look_for_remains({.keys = true, .watchers = true, .tasks = false});
    over_ = true;
    simulation_.run();
    simulation_.run_for(seconds(1));
    look_for_remains({});
  }

  void look_for_remains(Remains which) {
    const Verdict verdict = cleanliness(simulation_, run_.locks.prefix, which);
    if (!verdict) add(clean, verdict.what());
  }

  void judge() {
    result_.history = recorder_.history();
    const LockHistory& history = result_.history;
    const bool ran_dry = result_.found(finished);
    add(exclusion, mutual_exclusion(history));
    add(exclusion, holders_are_accepted(history));
    add(exclusion, leases(history, result_.audit, run_.locks.prefix));
    add(fencing_only, fencing(history));
    add(losses, loss_is_announced(history));
    add(owners, ownership(history, result_.audit, run_.locks.prefix, run_.plan.repeats_writes()));
    add(in_time, deadlines(history));
    add(nesting, reentry(history));
    if (!ran_dry && calm_from_) {
      add(alive, liveness(history, {*calm_from_, patience(), patience()}));
      add(budget, request_budget(history, {.from = *calm_from_, .per_call = 30, .per_second = 4}));
    }
    result_.simulated = simulation_.history().tail(60);
    result_.hash = simulation_.history_hash();
    result_.steps = simulation_.scheduler().steps();
  }

  void add(Check check, const Verdict& verdict) {
    if (!verdict) add(check, verdict.what());
  }
  void add(Check check, std::string what) { result_.findings.push_back({check, std::move(what)}); }

  const LockRun& run_;
  LockRunResult result_;
  std::vector<ProcessState> states_;
  std::map<std::string, std::unique_ptr<FencedResource>> resources_;
  std::optional<Duration> calm_from_;
  bool over_ = false;
  Simulation simulation_;  // Ends first: what still runs in it refers to the above.
  LockRecorder recorder_{simulation_.scheduler()};
};

const char* text_of(Check check) {
  switch (check) {
    case exclusion: return "mutual exclusion";
    case fencing_only: return "fencing tokens";
    case losses: return "announcement of losses";
    case owners: return "ownership";
    case clean: return "nothing left behind";
    case alive: return "liveness";
    case budget: return "request budget";
    case in_time: return "deadlines of calls";
    case nesting: return "re-entry";
    default: return "the run itself";
  }
}

}  // namespace

bool LockRunResult::found(unsigned checks) const {
  return std::ranges::any_of(findings, [&](const Finding& finding) { return (finding.check & checks) != 0; });
}

std::string LockRunResult::report(unsigned checks) const {
  std::string text;
  for (const Finding& finding : findings) {
    if ((finding.check & checks) != 0) text += std::string("* ") + text_of(finding.check) + ": " + finding.what + "\n";
  }
  return text;
}

LockRunResult run_locks(const LockRun& run) { return Runner(run).go(); }

std::string describe(const LockRun& run, const LockRunResult& result, unsigned checks) {
  return "seed " + std::to_string(run.seed) + "\nprogram\n" + run.program.describe() + "plan " + run.plan.as_code() +
         "\n" + result.report(checks) + "last events of the simulation:\n" + result.simulated;
}

}  // namespace deimos::testkit

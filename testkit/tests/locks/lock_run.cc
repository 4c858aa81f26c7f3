#include "locks/lock_run.h"

#include <algorithm>
#include <map>
#include <sstream>

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
  options.scheduler.policy = run.policy;
  options.cluster = run.cluster;
  return options;
}

/// Of a run whose faults excuse no loss.
Verdict nothing_was_lost(const LockHistory& history) {
  for (const Tenure& tenure : history.tenures) {
    if (tenure.end != Tenure::End::lost && tenure.end != Tenure::End::expired) continue;
    return Verdict::wrong(
        "a lock was lost without need:\n  " + describe(tenure) + "\nbefore that:\n" + history.tail(40, tenure.until),
        tenure.until);
  }
  return {};
}

/// What a client does, and which of its calls fail.
class Tally final : public Observer {
 public:
  Tally(std::shared_ptr<Observer> inner, Scheduler& scheduler, std::map<int, std::uint64_t>& failed)
      : inner_(std::move(inner)), scheduler_(scheduler), failed_(failed) {}
  void on_request(const Attempt& attempt) override { inner_->on_request(attempt); }
  void on_failure(const Error& error) override {
    if (!scheduler_.current_killed()) ++failed_[error.code.value()];
  }

 private:
  std::shared_ptr<Observer> inner_;
  Scheduler& scheduler_;
  std::map<int, std::uint64_t>& failed_;
};

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
      count_what_rules_do();
      apply(run_.plan, simulation_, &recorder_);
      const bool disjoint = step_until([&] { return simulation_.elapsed() >= run_.plan.over(); }, run_.plan.over());
      if (disjoint) calm();
    } catch (const SimulationFailure& failure) {
      add(finished, failure.what());
    }
    judge();
    return std::move(result_);
  }

  /// The same run, for what is true at `at` and what happened just before.
  std::string look_at(Duration at) {
    std::string seen;
    const auto look = [&] {
      seen = "cluster at " + describe_time(simulation_.elapsed()) + ":\n" + simulation_.cluster().describe() +
             "tasks:\n" + tasks_of_processes() + "last events of the simulation before that:\n" +
             simulation_.history().tail(60);
    };
    simulation_.at(at + std::chrono::nanoseconds(1), look);
    (void)go();
    if (seen.empty()) look();  // The run had ended by then.
    return seen;
  }

 private:
  struct ProcessState {
    ProgramState program;
    bool idle = false;  ///< The program has come to its end.
    bool done = false;  ///< It got every lock once more.
  };

  [[nodiscard]] std::string tasks_of_processes() {
    std::istringstream table(simulation_.scheduler().describe_tasks());
    std::string text;
    for (std::string line; std::getline(table, line);) {
      if (!line.starts_with("  action at ")) text += line + "\n";  // What is still to come of the plan.
    }
    return text;
  }

  void spawn(std::size_t index) {
    const std::string name = name_of_process(index);
    ProcessOptions options;
    if (index < run_.clocks.size()) options.clock = run_.clocks[index];
    options.client.observer = std::make_shared<Tally>(recorder_.observe(name), simulation_.scheduler(), result_.failed);
    simulation_.spawn(
        name, [this, index](Process& process) { live(index, process); }, options);
  }

  /// A process's life.
  void live(std::size_t index, Process& process) {
    ProcessState& state = states_[index];
    LockOptions options = run_.locks;
    options.owner = process.name();
    std::unique_ptr<LockClient> client =
        run_.client ? run_.client(process, options) : make_lock_client(process.make_locks(options));
    RecordedLocks locks(process, recorder_, std::move(client), options.request_timeout);
    run_steps(run_.program.processes[index], state.program, process, locks,
              [this](const std::string& name) -> FencedResource& { return resource(name); });
    state.idle = true;
    while (!last_round_) process.sleep(seconds(1));
    for (const std::string& name : lock_names()) {
      auto hold = locks.acquire(name);
      if (!hold) {
        add(alive, process.name() + " did not get '" + name + "', though nothing is wrong: " + hold.error().describe());
        continue;
      }
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

  /// The longest that a lease may last that nobody knows of, and the sweep that ends it.
  [[nodiscard]] Duration lease() const {
    return run_.locks.ttl + run_.locks.max_clock_skew + run_.locks.request_timeout + seconds(10);
  }
  [[nodiscard]] Duration patience() const {
    // The next look of whoever waits comes after it.
    return run_.patience > Duration::zero() ? run_.patience : lease() + run_.locks.poll_interval;
  }

  /// Runs until `done`; mutual exclusion is looked at after every step. Whether it came so far.
  bool step_until(const std::function<bool()>& done, Duration limit) {
    std::optional<std::string> overlap;
    simulation_.run_until(
        [&] {
          if (!run_.forced) overlap = recorder_.overlap();
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
    if (!everybody(&ProcessState::idle)) return;
    const Duration idle_from = simulation_.elapsed();
    if (!everything_holds_until(idle_from + patience())) return;
    look_for_remains({.tasks = false});
    // A client may look for what it is not sure of for as long as its lease could last.
    const Duration quiet_from = idle_from + std::max(patience(), lease());
    if (!everything_holds_until(quiet_from + seconds(10))) return;
    quiet_from_ = quiet_from;
    last_round_ = true;
    if (!everybody(&ProcessState::done)) return;
    simulation_.run_for(seconds(5));  // Nothing went wrong since: nothing is left that had to expire.
    look_for_remains({.tasks = false});
    over_ = true;
    simulation_.run();
    simulation_.run_for(seconds(1));
    look_for_remains({});
  }

  bool everything_holds_until(Duration instant) {
    return step_until([&] { return simulation_.elapsed() >= instant; }, instant);
  }

  /// Waits until all have come so far; false if they do not, or two hold a lock meanwhile.
  bool everybody(bool ProcessState::*so_far) {
    const auto all = [&] { return std::ranges::all_of(states_, so_far); };
    if (!step_until(all, simulation_.elapsed() + minutes(30))) return false;
    if (all()) return true;
    std::string text = "somebody waits for ever:";
    for (const LockCall& call : recorder_.history().calls) {
      if (!call.returned && !call.crashed) text += "\n  " + describe(call);
    }
    add(alive, text + "\n" + recorder_.history().tail(40));
    return false;
  }

  /// Each rule is asked just before it is removed.
  void count_what_rules_do() {
    for (const Episode& episode : run_.plan.episodes) {
      const auto* fault = std::get_if<fake::Fault>(&episode.what);
      const auto* added = fault == nullptr ? nullptr : std::get_if<fake::AddRule>(fault);
      if (added == nullptr) continue;
      simulation_.at(episode.at + episode.lasts, [this, name = added->rule.name] {
        for (const fake::RuleStatus& status : simulation_.cluster().rules()) {
          if (status.rule.name == name) result_.acted[std::string(name_of(status.rule.action))] += status.acted;
        }
      });
    }
  }

  void look_for_remains(Remains which) {
    const Verdict verdict = cleanliness(simulation_, run_.locks.prefix, which);
    add(clean, verdict);
  }

  void judge() {
    result_.history = recorder_.history();
    const LockHistory& history = result_.history;
    const bool ran_dry = result_.found(finished);
    if (const std::size_t abandoned = simulation_.scheduler().abandoned_tasks(); abandoned != 0) {
      add(finished, std::to_string(abandoned) + " killed tasks had to be abandoned");
    }
    if (!run_.forced) {
      add(exclusion, mutual_exclusion(history));
      add(exclusion, holders_are_accepted(history));
    }
    add(exclusion, leases(history, result_.audit, run_.locks.prefix));
    add(tokens, fencing(history));
    add(losses, loss_is_announced(history));
    add(owners, ownership(history, result_.audit, run_.locks.prefix, run_.plan.repeats_writes()));
    add(in_time, deadlines(history));
    add(nesting, reentry(history));
    if (run_.in_order) add(order, granted_in_order(history));
    if (run_.keeps) add(kept, nothing_was_lost(history));
    if (!ran_dry && calm_from_) {
      add(alive, liveness(history, {*calm_from_, patience(), patience()}));
      add(budget, request_budget(history, {.from = *calm_from_, .per_call = 30, .per_second = 4}));
      add(budget, request_budget(history, {.until = *calm_from_,
                                           .per_call = run_.requests_per_call,
                                           .per_second = run_.requests_per_second}));
      if (quiet_from_) add(budget, request_budget(history, {*quiet_from_, *quiet_from_ + seconds(10), 0, 0}));
    }
    result_.elections = simulation_.cluster().term() - first_term_;
    result_.hash = simulation_.history_hash();
    result_.steps = simulation_.scheduler().steps();
  }

  void add(Check check, const Verdict& verdict) {
    if (!verdict) add(check, verdict.what(), verdict.at());
  }
  void add(Check check, std::string what, std::optional<Duration> at = {}) {
    result_.findings.push_back({check, std::move(what), at.value_or(simulation_.elapsed())});
  }

  const LockRun& run_;
  LockRunResult result_;
  std::vector<ProcessState> states_;
  std::map<std::string, std::unique_ptr<FencedResource>> resources_;
  std::optional<Duration> calm_from_;
  std::optional<Duration> quiet_from_;  ///< Nobody has anything to do from then on, for ten seconds.
  bool last_round_ = false;
  bool over_ = false;
  Simulation simulation_;  // Ends first: what still runs in it refers to the above.
  LockRecorder recorder_{simulation_.scheduler()};
  const std::uint64_t first_term_ = simulation_.cluster().term();
};

const char* text_of(Check check) {
  switch (check) {
    case exclusion: return "mutual exclusion";
    case tokens: return "fencing tokens";
    case losses: return "announcement of losses";
    case owners: return "ownership";
    case clean: return "nothing left behind";
    case alive: return "liveness";
    case budget: return "request budget";
    case in_time: return "deadlines of calls";
    case nesting: return "re-entry";
    case kept: return "needless losses";
    case order: return "order of the queue";
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
  std::string text = "seed " + std::to_string(run.seed) + "\nprogram\n" + run.program.describe() + "plan " +
                     run.plan.as_code() + "\n" + result.report(checks);
  std::optional<Duration> first;
  for (const LockRunResult::Finding& finding : result.findings) {
    if ((finding.check & checks) != 0) first = std::min(first.value_or(finding.at), finding.at);
  }
  return first ? text + Runner(run).look_at(*first) : text;
}

}  // namespace deimos::testkit

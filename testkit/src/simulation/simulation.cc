#include <deimos/testkit/simulation.h>

#include <deque>
#include <exception>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <deimos/internal/broken_rule.h>

#include <deimos/testkit/seed.h>

#include "scheduler/block_watch.h"
#include "simulation/cluster_driver.h"

namespace deimos::testkit {
namespace {

constexpr std::size_t history_shown = 30;
constexpr const char* observer_name = "observer";

std::string url_of(int node) { return "http://node" + std::to_string(node) + ":4001"; }

std::vector<std::string> urls_of(int nodes) {
  std::vector<std::string> urls;
  for (int node = 1; node <= nodes; ++node) urls.push_back(url_of(node));
  return urls;
}

fake::ClusterOptions cluster_options(const SimulationOptions& options, const fake::Clock& clock) {
  if (options.nodes < 1) throw std::invalid_argument(internal::broken_rule("nodes must be positive", options.nodes));
  fake::ClusterOptions cluster = options.cluster;
  cluster.nodes = static_cast<fake::NodeId>(options.nodes);
  cluster.seed = RandomStream(options.seed, "cluster").next();
  cluster.clock = &clock;
  cluster.members.clear();
  for (int node = 1; node <= options.nodes; ++node) {
    cluster.members.push_back({.client_url = url_of(node), .peer_url = "http://node" + std::to_string(node) + ":7001"});
  }
  return cluster;
}

std::string replay_line(std::uint64_t seed, const std::string& command) {
  return "seed " + std::to_string(seed) + "; to replay: " + (command.empty() ? replay_command(seed) : command);
}

/// Reports that the scheduler makes by itself tell the seed too.
SchedulerOptions scheduler_options(const SimulationOptions& options) {
  SchedulerOptions scheduler = options.scheduler;
  scheduler.policy.seed = options.seed;
  scheduler.on_blocked = [seed = options.seed, command = options.replay_command,
                          report = scheduler.on_blocked](const std::string& what) {
    const std::string line = what + "\n" + replay_line(seed, command);
    report ? report(line) : write_to_standard_error(line);
  };
  return scheduler;
}

/// Ends a pause.
class PauseEnd final : public Timer {
 public:
  PauseEnd(Scheduler& scheduler, TaskGroup& group, std::function<void()> ended)
      : scheduler_(scheduler), group_(group), ended_(std::move(ended)) {}
  ~PauseEnd() override { scheduler_.disarm(*this); }

  void extend_to(TimePoint end) {
    end_ = std::max(end_, end);
    scheduler_.pause(group_);
    scheduler_.arm(*this, end_);
  }
  [[nodiscard]] TimePoint end() const noexcept { return end_; }

 private:
  void fire() override {
    scheduler_.history().record(scheduler_.elapsed(), "resume", scheduler_.name(group_), "");
    scheduler_.resume(group_);
    ended_();
  }

  Scheduler& scheduler_;
  TaskGroup& group_;
  std::function<void()> ended_;
  TimePoint end_ = {};
};

/// One life of a process and what is done to it.
struct Life {
  Life(Scheduler& scheduler, SimulatedNetwork& network, Machine& machine, const std::string& name, int number,
       const ProcessOptions& options, std::uint64_t seed, std::function<void()> resumed)
      : process(scheduler, network, machine, name, number, options, seed),
        pause_end(scheduler, process.group(), std::move(resumed)) {}

  [[nodiscard]] bool runs(const Scheduler& scheduler) const { return !ended && !scheduler.killed(process.group()); }

  Process process;
  PauseEnd pause_end;
  bool ended = false;
};

/// A process through all its lives.
struct Program {
  std::function<void(Process&)> body;
  ProcessOptions options;
  std::unique_ptr<Machine> machine;
  std::vector<std::unique_ptr<Life>> lives;
};

using Hooks = std::deque<ProcessHook>;  // Those that are called stay where they are when one adds another.

}  // namespace

struct Simulation::State {
  explicit State(SimulationOptions given);
  ~State() {
    scheduler.shut_down();
    cluster.close();  // While there is a network that its last answers can go to.
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Program& program_of(std::string_view process);
  Life& life_of(std::string_view process) { return *program_of(process).lives.back(); }
  [[nodiscard]] std::unique_ptr<Machine> make_machine(const std::string& name, const ProcessOptions& of);
  static void add(Hooks& hooks, ProcessHook hook);
  void tell(const Hooks& hooks, const Process& process, Duration until = {});
  void start(const std::string& name, Program& program);
  void crash(const std::string& name, Life& life);
  /// What the cluster is taken for.
  [[nodiscard]] Dialect client_dialect() const noexcept {
    return options.cluster.dialect == fake::Dialect::etcd2 ? Dialect::etcd2 : Dialect::deimos;
  }
  [[nodiscard]] bool locks_in_etcd() const noexcept { return options.cluster.dialect == fake::Dialect::etcd3; }
  template <typename Run>
  auto explained(Run run);

  SimulationOptions options;
  std::vector<Duration> instants;
  Scheduler scheduler;
  TrueClock clock;
  fake::Cluster cluster;
  ClusterDriver driver;
  SimulatedNetwork network;
  std::map<std::string, Program, std::less<>> programs;
  Hooks crash_hooks, pause_hooks, resume_hooks, restart_hooks;
  std::unique_ptr<Machine> observers_machine;
  std::unique_ptr<Process> observer;
};

Simulation::State::State(SimulationOptions given)
    : options(std::move(given)),
      scheduler(scheduler_options(options)),
      clock(scheduler),
      cluster(cluster_options(options, clock)),
      driver(scheduler, cluster),
      network(scheduler, RandomStream(options.seed, "network"), cluster, urls_of(options.nodes)) {
  network.set_links(options.links);
  cluster.on_incident([this](const fake::Incident& incident) {
    const std::string subject = incident.node == 0 ? "cluster" : "node" + std::to_string(incident.node);
    scheduler.history().record(scheduler.elapsed(), to_string(incident.kind), subject, incident.text);
  });
}

Program& Simulation::State::program_of(std::string_view process) {
  const auto found = programs.find(process);
  if (found == programs.end()) throw std::invalid_argument("there is no process named " + std::string(process));
  return found->second;
}

std::unique_ptr<Machine> Simulation::State::make_machine(const std::string& name, const ProcessOptions& of) {
  // NOLINTNEXTLINE(modernize-make-unique): neither it nor its parts can be moved.
  return std::unique_ptr<Machine>(
      new Machine{WallClock(scheduler, name, of.wall_clock),
                  Disk(scheduler, name, of.disk, RandomStream(options.seed, "disk of " + name))});
}

void Simulation::State::add(Hooks& hooks, ProcessHook hook) {
  if (!hook) throw std::invalid_argument("a hook must be callable");
  hooks.push_back(std::move(hook));
}

void Simulation::State::tell(const Hooks& hooks, const Process& process, Duration until) {
  if (hooks.empty()) return;
  const ProcessEvent event{process.name(), process.life(), scheduler.elapsed(), until};
  scheduler.act([&] {
    for (std::size_t i = 0; i < hooks.size(); ++i) hooks[i](event);
  });
}

void Simulation::State::start(const std::string& name, Program& program) {
  const int number = static_cast<int>(program.lives.size()) + 1;
  Life& life = *program.lives.emplace_back(
      std::make_unique<Life>(scheduler, network, *program.machine, name, number, program.options, options.seed,
                             [this, &program] { tell(resume_hooks, program.lives.back()->process); }));
  scheduler.spawn(
      life.process.group(), name, Scheduler::Role::foreground,
      [&life, &program](std::stop_token) { program.body(life.process); },
      [&life] {
        life.process.close();
        life.ended = true;
      });
}

void Simulation::State::crash(const std::string& name, Life& life) {
  if (!life.runs(scheduler)) return;
  scheduler.history().record(scheduler.elapsed(), "crash", name, "");
  scheduler.disarm(life.pause_end);
  scheduler.kill(life.process.group());
  life.process.disk().lose_unsynced();
  tell(crash_hooks, life.process);
}

/// Adds to a failure what happened before it and how to see it again. It ends the simulation: at once, because the test
/// that sees the failure is about to let go of what its processes refer to.
template <typename Run>
auto Simulation::State::explained(Run run) {
  try {
    return run();
  } catch (const SimulationFailure& failure) {
    std::string report = failure.what();
    if (!report.ends_with('\n')) report += '\n';
    report += "what happened last:\n" + scheduler.history().tail(history_shown);
    report += replay_line(options.seed, options.replay_command);
    scheduler.shut_down();
    throw SimulationFailure(failure.kind(), report, failure.cause());
  }
}

Simulation::Simulation(SimulationOptions options) : state_(std::make_unique<State>(std::move(options))) {}

Simulation::~Simulation() = default;

void Simulation::spawn(const std::string& name, std::function<void(Process&)> body, ProcessOptions options) {
  if (name.empty() || name == observer_name) throw std::invalid_argument("'" + name + "' cannot name a process");
  if (state_->programs.contains(name)) throw std::invalid_argument("there is a process named " + name + " already");
  static_cast<void>(LocalClock(Scheduler::start, options.clock));  // Refuses what no clock can do.
  if (options.client.endpoints.empty()) options.client.endpoints = urls_of(state_->options.nodes);
  options.client.dialect = state_->client_dialect();
  options.locks_in_etcd = state_->locks_in_etcd();
  auto machine = state_->make_machine(name, options);
  state_->network.add_process(name);
  Program& program = state_->programs[name];
  program.machine = std::move(machine);
  program.body = std::move(body);
  program.options = std::move(options);
  state_->start(name, program);
}

void Simulation::at(Duration since_start, std::function<void()> action) {
  if (since_start < elapsed()) {
    throw std::invalid_argument("an action cannot happen at " + describe_time(since_start) + ", which is over");
  }
  state_->instants.push_back(since_start);
  Scheduler& scheduler = state_->scheduler;
  scheduler.spawn(scheduler.default_group(), "action at " + describe_time(since_start), Scheduler::Role::background,
                  [&scheduler, since_start, action = std::move(action)](std::stop_token) {
                    scheduler.sleep_until(Scheduler::start + since_start);
                    if (!scheduler.current_killed()) action();
                  });
}

const std::vector<Duration>& Simulation::instants() const noexcept { return state_->instants; }

void Simulation::run() {
  state_->explained([this] { state_->scheduler.run(); });
}

void Simulation::run_for(Duration duration) {
  if (duration < Duration::zero()) throw std::invalid_argument("time does not go back");
  state_->explained([&] { state_->scheduler.run_until(saturating_add(now(), duration)); });
}

bool Simulation::run_until(const std::function<bool()>& predicate, Duration limit) {
  if (limit < Duration::zero()) throw std::invalid_argument("time does not go back");
  return state_->explained([&] { return state_->scheduler.run_until(saturating_add(now(), limit), predicate); });
}

TimePoint Simulation::now() const noexcept { return state_->scheduler.now(); }
Duration Simulation::elapsed() const noexcept { return state_->scheduler.elapsed(); }

void Simulation::pause(std::string_view process, Duration duration) {
  if (duration < Duration::zero()) throw std::invalid_argument("a pause cannot last " + describe_time(duration));
  Life& life = state_->life_of(process);
  if (!life.runs(state_->scheduler)) return;
  state_->scheduler.history().record(elapsed(), "pause", process, "for " + describe_time(duration));
  life.pause_end.extend_to(saturating_add(now(), duration));
  state_->tell(state_->pause_hooks, life.process, life.pause_end.end() - Scheduler::start);
}

void Simulation::crash(std::string_view process) { state_->crash(std::string(process), state_->life_of(process)); }

void Simulation::restart(std::string_view process) {
  Life& life = state_->life_of(process);
  const std::string name(process);
  state_->crash(name, life);
  if (running(process)) return;  // A hook was faster.
  state_->scheduler.history().record(elapsed(), "restart", name, "");
  Program& program = state_->program_of(name);
  state_->start(name, program);
  state_->tell(state_->restart_hooks, program.lives.back()->process);
}

bool Simulation::running(std::string_view process) const { return state_->life_of(process).runs(state_->scheduler); }

void Simulation::set_clock_rate(std::string_view process, double rate) {
  state_->life_of(process).process.runtime().set_clock_rate(rate);
}

WallClock& Simulation::wall_clock(std::string_view process) { return state_->program_of(process).machine->wall_clock; }
Disk& Simulation::disk(std::string_view process) { return state_->program_of(process).machine->disk; }

void Simulation::on_crash(ProcessHook hook) { State::add(state_->crash_hooks, std::move(hook)); }
void Simulation::on_pause(ProcessHook hook) { State::add(state_->pause_hooks, std::move(hook)); }
void Simulation::on_resume(ProcessHook hook) { State::add(state_->resume_hooks, std::move(hook)); }
void Simulation::on_restart(ProcessHook hook) { State::add(state_->restart_hooks, std::move(hook)); }

SimulatedNetwork& Simulation::network() noexcept { return state_->network; }

fake::Cluster& Simulation::cluster() noexcept { return state_->cluster; }

fake::Node& Simulation::node(int number) {
  if (number < 1 || number > state_->options.nodes) {
    throw std::invalid_argument("there is no node " + std::to_string(number));
  }
  return state_->cluster.node(static_cast<fake::NodeId>(number));
}

Process& Simulation::observer() noexcept {
  if (!state_->observer) {
    state_->network.add_process_outside(observer_name);
    ProcessOptions options;
    options.client.endpoints = urls_of(state_->options.nodes);
    options.client.dialect = state_->client_dialect();
    options.locks_in_etcd = state_->locks_in_etcd();
    state_->observers_machine = state_->make_machine(observer_name, options);
    state_->observer = std::make_unique<Process>(state_->scheduler, state_->network, *state_->observers_machine,
                                                 observer_name, 1, std::move(options), state_->options.seed);
  }
  return *state_->observer;
}

std::uint64_t Simulation::seed() const noexcept { return state_->options.seed; }

RandomStream Simulation::random(std::string_view concern) const noexcept { return {state_->options.seed, concern}; }

Scheduler& Simulation::scheduler() noexcept { return state_->scheduler; }
const History& Simulation::history() const noexcept { return std::as_const(state_->scheduler).history(); }

void Simulation::note(std::string_view text) { state_->scheduler.history().record(elapsed(), "note", "-", text); }

std::string Simulation::replay_command() const {
  const std::string& given = state_->options.replay_command;
  return given.empty() ? testkit::replay_command(seed()) : given;
}

}  // namespace deimos::testkit

#include <deimos/testkit/scenario.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <deimos/testkit/history.h>
#include <deimos/testkit/random.h>

#include "property/relevant_tail.h"

namespace deimos::testkit {

struct Scenario::State {
  std::uint64_t seed;
  Script given;
  std::string replay_command;
  Script noted;
  std::string failure;
  bool failed = false;
  Duration failed_at = {};
  Exercise exercise;
  std::vector<std::string> expected;
  std::uint64_t first_term = 0;
  std::uint64_t faults_that_acted = 0;
  std::set<Duration> instants;
  std::size_t instants_before_plan = 0;  // Of Simulation::instants().
  std::size_t instants_after_plan = 0;
  std::string failed_process;
  std::vector<HistoryEvent> events_before_failure;
  RequestTrace requests;
  std::optional<Simulation> simulation;
  std::optional<LockRecorder> recorder;
};

Scenario::Scenario(std::uint64_t seed, Script script, std::string replay_command) : state_(std::make_unique<State>()) {
  state_->seed = seed;
  state_->given = std::move(script);
  state_->replay_command = std::move(replay_command);
}

Scenario::~Scenario() {
  state_->simulation.reset();  // What still runs in it may use the recorder.
}

std::uint64_t Scenario::seed() const noexcept { return state_->seed; }

Simulation& Scenario::simulation() {
  return state_->simulation ? *state_->simulation : simulation(SimulationOptions());
}

Simulation& Scenario::simulation(SimulationOptions options) {
  if (state_->simulation) throw std::logic_error("the simulation has been made: only the first call may give options");
  options.seed = state_->seed;
  if (options.scheduler.policy.kind == SchedulingPolicy::Kind::in_order)
    options.scheduler.policy.kind = SchedulingPolicy::Kind::random;
  if (options.replay_command.empty()) options.replay_command = state_->replay_command;
  state_->simulation.emplace(std::move(options));
  state_->simulation->network().trace_to(&state_->requests);
  state_->first_term = state_->simulation->cluster().term();
  return *state_->simulation;
}

std::int64_t Scenario::draw(std::string_view name, std::int64_t least, std::int64_t most) {
  const std::string key(name);
  if (most < least) throw std::invalid_argument("draw `" + key + "`: most must not be below least");
  const auto given = state_->given.draws.find(key);
  const std::int64_t number = given != state_->given.draws.end()
                                  ? std::clamp(given->second, least, most)
                                  : RandomStream(state_->seed, "draw " + key).between(least, most);
  if (!state_->noted.draws.emplace(key, number).second) {
    throw std::invalid_argument("draw `" + key + "`: the name must be unique in a run");
  }
  return number;
}

Duration Scenario::draw_delay(std::string_view name, Duration least, Duration most) {
  if (least <= Duration::zero())
    throw std::invalid_argument("draw `" + std::string(name) + "`: least must be positive");
  // In thousandths of a factor of e, so that it shrinks towards `least`.
  constexpr double steps = 1000;
  const double span = std::log(static_cast<double>(most.count()) / static_cast<double>(least.count()));
  const auto step = draw(name, std::int64_t{0}, static_cast<std::int64_t>(std::max(span, 0.0) * steps));
  const double factor = std::exp(static_cast<double>(step) / steps);
  return std::min(most, Duration(static_cast<std::int64_t>(static_cast<double>(least.count()) * factor)));
}

const FaultPlan& Scenario::faults(const PlanLimits& limits) {
  if (state_->noted.plan) throw std::logic_error("faults: a run has one plan");
  state_->noted.plan = state_->given.plan ? *state_->given.plan : random_plan(mix(state_->seed), limits);
  state_->instants_before_plan = simulation().instants().size();
  apply(*state_->noted.plan, simulation(), &recorder());
  watch_faults();
  state_->instants_after_plan = simulation().instants().size();
  return *state_->noted.plan;
}

LockRecorder& Scenario::recorder() {
  if (!state_->recorder) state_->recorder.emplace(simulation().scheduler());
  return *state_->recorder;
}

bool Scenario::run(Duration limit) {
  Simulation& simulated = simulation();
  note_instants();
  const auto ended = [&] { return simulated.scheduler().foreground_tasks() == 0; };
  simulated.run_until(
      [&] {
        if (state_->recorder) {
          if (const auto overlap = state_->recorder->overlap()) fail(*overlap);
        }
        return failed() || ended();
      },
      limit);
  return ended();
}

void Scenario::check(const Verdict& verdict) {
  if (!verdict) fail(verdict.what());
}

void Scenario::check(bool holds, std::string_view what) {
  if (!holds) fail(what);
}

void Scenario::fail(std::string_view what) {
  if (std::exchange(state_->failed, true)) return;
  state_->failure = what;
  if (!state_->simulation) return;
  state_->failed_at = state_->simulation->elapsed();
  const Scheduler& scheduler = state_->simulation->scheduler();
  std::string when = "at " + describe_time(state_->simulation->elapsed());
  if (scheduler.current() != nullptr) {
    state_->failed_process = scheduler.name_of_current_group();
    when += ", in task `" + scheduler.current_name() + "`";
    if (state_->failed_process != "-") when += " of process `" + state_->failed_process + "`";
  }
  state_->failure += "\n" + when;
  state_->simulation->note("FAILED: " + std::string(what.substr(0, what.find('\n'))));
  state_->events_before_failure = state_->simulation->history().events();
}

bool Scenario::failed() const noexcept { return state_->failed; }
const std::string& Scenario::failure() const noexcept { return state_->failure; }

void Scenario::count(const std::string& what, std::uint64_t times) { state_->exercise[what] += times; }
void Scenario::expect_some(const std::string& what) { state_->expected.push_back(what); }
const std::vector<std::string>& Scenario::expected() const noexcept { return state_->expected; }
const Script& Scenario::script() const noexcept { return state_->noted; }

const std::set<Duration>& Scenario::instants() const noexcept { return state_->instants; }
const RequestTrace& Scenario::requests() const noexcept { return state_->requests; }

std::string Scenario::history_tail(std::size_t lines) const {
  if (!state_->simulation) return {};
  if (!state_->failed) return relevant_tail(state_->simulation->history().events(), {}, lines);
  return relevant_tail(state_->events_before_failure, state_->failed_process, lines);
}

void Scenario::expect_requests(const std::string& method, const std::string& key, std::uint64_t exactly) {
  const RequestPattern which{.method = method, .key = key};
  const RequestCost cost = state_->requests.cost(which);
  if (cost.requests == exactly) return;
  fail(method + " " + key + ": " + std::to_string(cost.requests) + " requests, expected " + std::to_string(exactly) +
       "\nwhat was sent:\n" + state_->requests.describe(which));
}

void Scenario::expect_cost(const RequestPattern& which, const CostLimits& most) {
  const RequestCost cost = state_->requests.cost(which);
  std::string over;
  const auto compare = [&](const char* what, const auto& got, const auto& limit, const auto& text_of) {
    if (limit && got > *limit)
      over += std::string(", ") + what + " " + text_of(got) + " (at most " + text_of(*limit) + ")";
  };
  const auto number = [](std::uint64_t value) { return std::to_string(value); };
  compare("requests", cost.requests, most.requests, number);
  compare("round trips", cost.round_trips, most.round_trips, number);
  compare("bytes", cost.bytes, most.bytes, number);
  compare("latency", cost.latency, most.latency, duration_as_code);
  if (over.empty()) return;
  fail("requests cost too much: " + over.substr(2) + "\nwhat was sent:\n" + state_->requests.describe(which));
}

void Scenario::note_instants() {
  const std::vector<Duration>& instants = simulation().instants();
  for (std::size_t i = 0; i < instants.size(); ++i) {
    const bool of_the_plan = i >= state_->instants_before_plan && i < state_->instants_after_plan;
    if (!of_the_plan) state_->instants.insert(instants[i]);
  }
}

/// A rule is asked just before its episode ends; every other fault acts.
void Scenario::watch_faults() {
  Simulation& simulated = *state_->simulation;
  for (const Episode& episode : state_->noted.plan->episodes) {
    const auto* fault = std::get_if<fake::Fault>(&episode.what);
    const auto* added = fault == nullptr ? nullptr : std::get_if<fake::AddRule>(fault);
    const Duration last = simulated.elapsed() + episode.at + episode.lasts;
    if (added == nullptr || episode.lasts == Duration::zero()) {
      simulated.at(last, [this] { ++state_->faults_that_acted; });
      continue;
    }
    simulated.at(last - Duration(1), [this, name = added->rule.name] {
      for (const fake::RuleStatus& status : state_->simulation->cluster().rules()) {
        if (status.rule.name == name && status.acted > 0) ++state_->faults_that_acted;
      }
    });
  }
}

std::vector<std::string> Scenario::counted() {
  std::vector<std::string> names{"elections",      "faults",     "faults that acted", "hand-overs", "locks expired",
                                 "locks granted",  "locks lost", "locks waited for",  "re-entries", "requests",
                                 "unclear writes", "watch gaps", "writes refused"};
  names.insert(names.end(), kinds_of_faults().begin(), kinds_of_faults().end());
  return names;
}

Timeline Scenario::timeline() const {
  Timeline timeline;
  timeline.title = "seed " + std::to_string(state_->seed);
  if (state_->recorder) timeline.add(state_->recorder->history());
  if (state_->simulation) timeline.add(state_->simulation->history());
  if (state_->noted.plan) timeline.add(*state_->noted.plan);
  if (state_->failed) timeline.violated = state_->failed_at;
  timeline.verdict = state_->failure;
  return timeline;
}

Exercise Scenario::exercised() {
  if (state_->simulation) count("elections", state_->simulation->cluster().term() - state_->first_term);
  if (state_->noted.plan) {
    count("faults", state_->noted.plan->episodes.size());
    count("faults that acted", state_->faults_that_acted);
    for (const Episode& episode : state_->noted.plan->episodes) count(kind_of(episode.what));
  }
  if (state_->recorder) {
    const LockHistory history = state_->recorder->history();
    std::map<std::string, LockOwner> last;
    for (const Tenure& tenure : history.tenures) {
      count("locks granted");
      count("locks lost", tenure.end == Tenure::End::lost ? 1 : 0);
      count("locks expired", tenure.end == Tenure::End::expired ? 1 : 0);
      const auto before = last.find(tenure.lock);
      count("hand-overs", before != last.end() && before->second != tenure.owner ? 1 : 0);
      last.insert_or_assign(tenure.lock, tenure.owner);
    }
    for (const LockCall& call : history.calls) {
      const bool waited = call.kind == LockCall::Kind::acquire && call.succeeded() &&
                          *call.returned - call.called > std::chrono::seconds(1);
      count("locks waited for", waited ? 1 : 0);
      const bool reentry = call.kind == LockCall::Kind::acquire && call.believed_before && call.succeeded();
      count("re-entries", reentry ? 1 : 0);
    }
    for (const GuardedWrite& write : history.writes) count("writes refused", write.accepted ? 0 : 1);
  }
  for (const TracedRequest& request : state_->requests.requests()) {
    count("requests");
    const bool reads = request.method == "GET" || request.method == "WATCH";
    count("unclear writes", request.unclear && !reads ? 1 : 0);
    count("watch gaps", request.gap ? 1 : 0);
  }
  return state_->exercise;
}

}  // namespace deimos::testkit

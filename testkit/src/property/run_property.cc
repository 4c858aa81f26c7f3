#include <deimos/testkit/property.h>

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

#include <deimos/testkit/history.h>
#include <deimos/testkit/seed.h>
#include <deimos/testkit/shrink.h>

#include "property/side_by_side.h"

namespace deimos::testkit {
namespace {

using RealClock = std::chrono::steady_clock;

/// What one run came to.
struct Outcome {
  bool failed = false;
  std::string failure;
  std::string history;
  Script script;
  Exercise exercised;
  std::vector<std::string> expected;
  std::set<Duration> instants;
};

/// Why a run failed, without what differs from run to run: numbers and what follows the first line.
std::string reason_of(const std::string& failure) {
  std::string reason = failure.substr(0, failure.find('\n'));
  std::erase_if(reason, [](char c) { return c >= '0' && c <= '9'; });
  constexpr std::size_t longest = 80;
  return reason.substr(0, longest);
}

Outcome run_once(const std::function<void(Scenario&)>& body, std::uint64_t seed, const Script& script,
                 const PropertyOptions& options) {
  Outcome outcome;
  Scenario scenario(seed, script, options.replay_command ? options.replay_command(seed) : std::string());
  try {
    body(scenario);
  } catch (const std::exception& error) {
    scenario.fail(error.what());
  }
  outcome.failed = scenario.failed();
  outcome.failure = scenario.failure();
  if (outcome.failed) outcome.history = scenario.history_tail(options.history_lines);
  outcome.exercised = scenario.exercised();
  outcome.expected = scenario.expected();
  outcome.script = scenario.script();
  outcome.instants = scenario.instants();
  return outcome;
}

/// Runs with ever smaller scripts.
class PropertyShrinker {
 public:
  PropertyShrinker(const std::function<void(Scenario&)>& body, std::uint64_t seed, Outcome failing,
                   const PropertyOptions& options)
      : body_(body),
        seed_(seed),
        smallest_(std::move(failing)),
        reason_(reason_of(smallest_.failure)),
        options_(options) {}

  void run() {
    if (smallest_.script.plan) {
      const auto fails = [this](const FaultPlan& plan) {
        Script script = smallest_.script;
        script.plan = plan;
        return still_fails(script);
      };
      static_cast<void>(shrink(*smallest_.script.plan, fails, options_.shrinking_runs));
    }
    const std::map<std::string, std::int64_t> draws = smallest_.script.draws;
    for (const auto& [name, number] : draws) {
      // What a draw's least is only the body knows, which holds a smaller number there.
      const auto fails = [this, &name = name](std::int64_t smaller) {
        Script script = smallest_.script;
        script.draws[name] = smaller;
        return still_fails(script);
      };
      static_cast<void>(shrink_number(number, std::min<std::int64_t>(number, 0), fails));
    }
  }

  /// The smallest run once more, drawn to a file.
  void draw_timeline() const {
    const auto draw = [&](Scenario& scenario) {
      try {
        body_(scenario);
      } catch (const std::exception& error) {
        scenario.fail(error.what());
      }
      write_html(scenario.timeline(), options_.timeline_path);
    };
    static_cast<void>(run_once(draw, seed_, smallest_.script, options_));
  }

  [[nodiscard]] const Outcome& smallest() const noexcept { return smallest_; }
  [[nodiscard]] int runs() const noexcept { return runs_; }

 private:
  bool still_fails(const Script& script) {
    if (runs_ >= options_.shrinking_runs) return false;
    ++runs_;
    Outcome outcome = run_once(body_, seed_, script, options_);
    if (!outcome.failed || reason_of(outcome.failure) != reason_) return false;
    smallest_ = std::move(outcome);
    return true;
  }

  const std::function<void(Scenario&)>& body_;
  const std::uint64_t seed_;
  Outcome smallest_;
  const std::string reason_;
  const PropertyOptions& options_;
  int runs_ = 0;
};

/// Says now and then how far it has come.
class Progress {
 public:
  explicit Progress(const PropertyOptions& options) : options_(options) {}
  void say(const std::string& line) const {
    if (options_.progress) options_.progress(line);
  }
  void run_done(std::uint64_t runs) {
    constexpr std::chrono::seconds interval(5);
    const auto now = RealClock::now();
    if (now - last_ < interval) return;
    last_ = now;
    say(std::to_string(runs) + " of " + std::to_string(options_.runs) + " runs");
  }
  [[nodiscard]] bool out_of_time() const {
    return options_.time_budget.count() > 0 && RealClock::now() - begin_ >= options_.time_budget;
  }

 private:
  const PropertyOptions& options_;
  const RealClock::time_point begin_ = RealClock::now();
  RealClock::time_point last_ = begin_;
};

/// Adds what one run came to; whether it was as it should be.
bool add(PropertyResult& result, const Outcome& outcome) {
  const bool first = result.runs++ == 0;
  for (const auto& [what, count] : outcome.exercised) result.exercised[what] += count;
  result.expected.insert(outcome.expected.begin(), outcome.expected.end());
  result.draws_nothing &= outcome.script.draws.empty() && !outcome.script.plan;
  if (first) {
    result.fixed_instants = outcome.instants;
  } else {
    std::erase_if(result.fixed_instants, [&](Duration instant) { return !outcome.instants.contains(instant); });
  }
  return !outcome.failed;
}

/// Makes the failing run small, and says what it says.
void explain(PropertyResult& result, const std::function<void(Scenario&)>& body, std::uint64_t seed, Outcome outcome,
             const PropertyOptions& options) {
  result.failing_seed = seed;
  PropertyShrinker shrinker(body, seed, std::move(outcome), options);
  shrinker.run();
  result.failure = shrinker.smallest().failure;
  if (!shrinker.smallest().history.empty()) result.failure += "\nthe last events:\n" + shrinker.smallest().history;
  result.shrunk = shrinker.smallest().script;
  result.shrinking_runs = shrinker.runs();
  if (options.timeline_path.empty()) return;
  shrinker.draw_timeline();
  result.timeline_path = options.timeline_path;
}

}  // namespace

PropertyResult run_property(const std::function<void(Scenario&)>& body, const PropertyOptions& options) {
  if (options.shards == 0 || options.shard >= options.shards) {
    throw std::invalid_argument("PropertyOptions::shard must be below shards");
  }
  if (options.jobs > 1 && !options.only_seed) return run_side_by_side(body, options);
  PropertyResult result;
  result.draws_nothing = true;
  Progress progress(options);
  const std::uint64_t runs = options.only_seed ? 1 : options.runs;
  for (std::uint64_t i = options.only_seed ? 0 : options.shard; i < runs; i += options.shards) {
    if (result.runs > 0 && progress.out_of_time()) break;
    const std::uint64_t seed = options.only_seed.value_or(options.first_seed) + i;
    Outcome outcome = run_once(body, seed, {}, options);
    if (!add(result, outcome)) {
      progress.say("seed " + std::to_string(seed) +
                   " fails; to replay: " + (options.replay_command ? options.replay_command(seed) : std::string()));
      explain(result, body, seed, std::move(outcome), options);
      break;
    }
    progress.run_done(result.runs);
  }
  result.draws_nothing &= result.runs > 0 && !options.only_seed;
  if (result.runs < 2) result.fixed_instants.clear();
  return result;
}

}  // namespace deimos::testkit

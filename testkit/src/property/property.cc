#include <deimos/testkit/property.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <utility>

#include <deimos/testkit/history.h>
#include <deimos/testkit/seed.h>
#include <deimos/testkit/shrink.h>

namespace deimos::testkit {
namespace {

using RealClock = std::chrono::steady_clock;

constexpr std::size_t history_shown = 60;

/// What one run came to.
struct Outcome {
  bool failed = false;
  std::string failure;
  std::string history;
  Script script;
  Exercise exercised;
  std::vector<std::string> expected;
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
  if (outcome.failed) outcome.history = scenario.history_tail(history_shown);
  outcome.exercised = scenario.exercised();
  outcome.expected = scenario.expected();
  outcome.script = scenario.script();
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

std::uint64_t number_from_environment(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return otherwise;
  const std::string_view digits(text);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    throw std::invalid_argument(std::string(variable) + "=" + text + " is no 64-bit number");
  }
  return number;
}

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

}  // namespace

PropertyOptions PropertyOptions::from_environment(PropertyOptions options) {
  const char* const seed = std::getenv(seed_variable);
  if (seed != nullptr && *seed != '\0') options.only_seed = seed_from_environment();
  options.runs = number_from_environment("DEIMOS_RUNS", options.runs);
  options.first_seed = number_from_environment("DEIMOS_FIRST_SEED", options.first_seed);
  constexpr std::uint64_t longest = 366ULL * 24 * 3600;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.time_budget).count();
  const std::uint64_t budget = number_from_environment("DEIMOS_TIME_BUDGET", static_cast<std::uint64_t>(seconds));
  if (const char* const path = std::getenv("DEIMOS_TIMELINE")) options.timeline_path = path;
  if (budget > longest) throw std::invalid_argument("DEIMOS_TIME_BUDGET must be at most a year, in seconds");
  options.time_budget = std::chrono::seconds(budget);
  return options;
}

std::set<std::string> PropertyResult::missing() const {
  std::set<std::string> never;
  for (const std::string& what : expected) {
    const auto found = exercised.find(what);
    if (found == exercised.end() || found->second == 0) never.insert(what);
  }
  return never;
}

std::string PropertyResult::summary() const {
  std::string text = std::to_string(runs) + (runs == 1 ? " run" : " runs");
  for (const auto& [what, count] : exercised) {
    if (count > 0) text += ", " + what + " " + std::to_string(count);
  }
  if (draws_nothing) text += " (nothing is drawn: every run has the same times; see Scenario::draw() and faults())";
  return text;
}

std::string PropertyResult::report(const std::string& replay_command) const {
  std::string text = failure + "\n";
  if (!shrunk.draws.empty()) text += "drawn (the smallest that fail):\n";
  for (const auto& [name, number] : shrunk.draws) {
    text += "  " + name + " = " + std::to_string(number);
    constexpr std::int64_t looks_like_a_duration = 1000;
    if (std::abs(number) >= looks_like_a_duration) text += " (" + duration_as_code(Duration(number)) + ")";
    text += "\n";
  }
  if (shrunk.plan) text += "smallest plan that fails: " + shrunk.plan->as_code() + "\n";
  if (!timeline_path.empty()) text += "timeline: " + timeline_path + "\n";
  if (!replay_command.empty()) text += "to replay: " + replay_command + "\n";
  return text;
}

PropertyResult run_property(const std::function<void(Scenario&)>& body, const PropertyOptions& options) {
  PropertyResult result;
  Progress progress(options);
  const std::uint64_t first = options.only_seed.value_or(options.first_seed);
  const std::uint64_t runs = options.only_seed ? 1 : options.runs;
  bool drew = false;
  for (std::uint64_t i = 0; i < runs && !(i > 0 && progress.out_of_time()); ++i) {
    const std::uint64_t seed = first + i;
    Outcome outcome = run_once(body, seed, {}, options);
    ++result.runs;
    for (const auto& [what, count] : outcome.exercised) result.exercised[what] += count;
    result.expected.insert(outcome.expected.begin(), outcome.expected.end());
    drew |= !outcome.script.draws.empty() || outcome.script.plan;
    if (outcome.failed) {
      result.failing_seed = seed;
      const std::string replay = options.replay_command ? options.replay_command(seed) : std::string();
      progress.say("seed " + std::to_string(seed) + " fails; to replay: " + replay);
      PropertyShrinker shrinker(body, seed, std::move(outcome), options);
      shrinker.run();
      result.failure = shrinker.smallest().failure;
      if (!shrinker.smallest().history.empty()) {
        result.failure += "\nthe last events:\n" + shrinker.smallest().history;
      }
      result.shrunk = shrinker.smallest().script;
      result.shrinking_runs = shrinker.runs();
      if (!options.timeline_path.empty()) {
        shrinker.draw_timeline();
        result.timeline_path = options.timeline_path;
      }
      break;
    }
    progress.run_done(result.runs);
  }
  result.draws_nothing = !drew && !options.only_seed;
  return result;
}

}  // namespace deimos::testkit

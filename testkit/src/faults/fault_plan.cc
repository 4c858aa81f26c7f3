#include <deimos/testkit/fault_plan.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <deimos/testkit/history.h>
#include <deimos/testkit/random.h>

#include "faults/overloaded.h"

namespace deimos::testkit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// How far the faults of a plan may put a node's clock off: those that jump or run add up until it is reset.
class WrongClock {
 public:
  void add(const fake::Fault& fault, Duration lasts) {
    std::visit(Overloaded{[&](const fake::SkewClock& f) { offset_ = std::max(offset_, size(f.offset)); },
                          [&](const fake::StepClock& f) { gained_ += size(f.by); },
                          [&](const fake::SetClockRate& f) {
                            gained_ += std::abs(f.rate - 1) * std::chrono::duration<double>(lasts);
                          },
                          [](const auto&) {}},
               fault);
  }
  [[nodiscard]] std::chrono::duration<double> most() const { return offset_ + gained_; }

 private:
  static std::chrono::duration<double> size(Duration duration) {
    return std::chrono::abs(std::chrono::duration<double>(duration));
  }
  std::chrono::duration<double> offset_{};
  std::chrono::duration<double> gained_{};
};

/// The node whose clock `fault` puts off; 0 if none.
fake::NodeId clock_of(const fake::Fault& fault) {
  return std::visit(
      Overloaded{[](const fake::SkewClock& f) { return f.node; }, [](const fake::StepClock& f) { return f.node; },
                 [](const fake::SetClockRate& f) { return f.node; }, [](const auto&) { return fake::NodeId{0}; }},
      fault);
}

const fake::Rule* rule_of(const Episode& episode) {
  const auto* fault = std::get_if<fake::Fault>(&episode.what);
  const auto* added = fault == nullptr ? nullptr : std::get_if<fake::AddRule>(fault);
  return added == nullptr ? nullptr : &added->rule;
}

/// Draws single faults.
class Draw {
 public:
  Draw(std::uint64_t seed, const PlanLimits& limits) : random_(seed, "fault"), limits_(limits) {}

  [[nodiscard]] Disturbance one_of(std::uint64_t mask);

 private:
  using Maker = Disturbance (Draw::*)();
  [[nodiscard]] std::vector<Maker> allowed() const;

  fake::NodeId node() { return static_cast<fake::NodeId>(random_.between(1, limits_.nodes)); }
  fake::NodeId node_or_all() { return random_.chance(0.3) ? 0 : node(); }
  std::string process() { return limits_.processes[random_.below(limits_.processes.size())]; }
  Duration brief(Duration most) { return random_.between(milliseconds(1), most); }

  Disturbance pause_process() { return PauseProcess{process()}; }
  Disturbance crash_process() {
    CrashProcess crash{process()};
    if (limits_.disks) crash.loss = static_cast<UnsyncedLoss>(random_.below(4));
    return crash;
  }
  Disturbance cut_processes();
  Disturbance break_disk() { return BreakDisk{process(), random_.chance(0.5) ? DiskFault::full : DiskFault::failing}; }
  Disturbance step_wall_clock() {
    const Duration most = limits_.wall_clock_step;
    return StepWallClock{process(), std::chrono::floor<milliseconds>(random_.between(-most, most))};
  }
  Disturbance cut_process() {
    const int from = random_.chance(0.5) ? 0 : static_cast<int>(node());
    return CutProcess{process(), from, static_cast<Direction>(random_.below(3))};
  }
  Disturbance bad_links();
  Disturbance isolate() { return fake::Fault(fake::Isolate{node()}); }
  Disturbance partition();
  Disturbance cut_link();
  Disturbance lag() { return fake::Fault(fake::Lag{node(), Duration::zero(), rounded(brief(seconds(3)))}); }
  Disturbance crash_node() { return fake::Fault(fake::Crash{node()}); }
  Disturbance crash_to_snapshot() { return CrashToSnapshot{node()}; }
  Disturbance crash_to_late_restart() { return CrashToLateRestart{node(), rounded(brief(limits_.longest))}; }
  Disturbance pause_node() { return fake::Fault(fake::Pause{node()}); }
  Disturbance skew_clock();
  Disturbance step_clock();
  Disturbance set_clock_rate();
  Disturbance skip_sweeps() { return fake::Fault(fake::SkipSweeps{rounded(brief(limits_.longest))}); }
  Disturbance wipe_history() { return fake::Fault(fake::WipeHistory{node_or_all()}); }
  Disturbance forget_watchers() { return fake::Fault(fake::ForgetWatchers{node_or_all(), {}}); }
  Disturbance change_leader() { return fake::Fault(fake::ChangeLeader{0}); }
  Disturbance lose_answers() { return rule(fake::DropAnswer{}); }
  Disturbance lose_requests() { return rule(fake::DropRequest{}); }
  Disturbance slow_requests() { return rule(fake::Delay{Duration::zero(), rounded(brief(seconds(4))), false}); }
  Disturbance slow_answers() { return rule(fake::Delay{Duration::zero(), rounded(brief(seconds(4))), true}); }
  Disturbance errors();
  Disturbance cleared_histories();
  Disturbance resets() { return rule(fake::ResetAfter{random_.below(40)}); }
  Disturbance truncations() { return rule(fake::TruncateBody{random_.below(60)}); }
  Disturbance refusals() { return rule(fake::RefuseConnection{}); }
  Disturbance exceptions() { return rule(fake::Pass{}); }
  Disturbance duplicates() {
    const auto copies = static_cast<std::uint32_t>(1 + random_.below(2));
    return rule(fake::Duplicate{copies, Duration::zero(), rounded(brief(seconds(3)))});
  }
  Disturbance reorders() { return rule(fake::Reorder{rounded(brief(seconds(3)))}); }
  Disturbance corrupted_events();
  Disturbance corrupted_answers() { return rule(fake::CorruptBody{}); }
  Disturbance expire_key() { return fake::Fault(fake::ExpireKey{"/locks/" + std::string(1, "abc"[random_.below(3)])}); }
  Disturbance wild_clock();
  Disturbance wild_step();
  Disturbance wild_rate();

  /// How far SkewClock, and each StepClock or SetClockRate, may put a clock off, so that all together keep within what
  /// locks allow for. (Half of that: two nodes may be wrong in opposite ways.)
  [[nodiscard]] Duration most_offset() const { return limits_.max_skew / 2 * 3 / 4; }
  [[nodiscard]] Duration most_gain() const { return limits_.max_skew / 2 / 4 / limits_.most_episodes; }
  static Duration rounded(Duration duration) { return std::chrono::ceil<milliseconds>(duration); }
  Disturbance rule(fake::RuleAction action);
  static Disturbance watches(Disturbance rule);

  RandomStream random_;
  const PlanLimits& limits_;
};

std::vector<Draw::Maker> Draw::allowed() const {
  std::vector<Maker> makers;
  if (limits_.cluster)
    makers = {&Draw::isolate,
              &Draw::partition,
              &Draw::cut_link,
              &Draw::lag,
              &Draw::crash_node,
              &Draw::skew_clock,
              &Draw::skip_sweeps,
              &Draw::wipe_history,
              &Draw::forget_watchers,
              &Draw::change_leader,
              &Draw::lose_answers,
              &Draw::lose_requests,
              &Draw::slow_answers,
              &Draw::errors,
              &Draw::resets,
              &Draw::truncations,
              &Draw::refusals,
              &Draw::crash_to_snapshot,
              &Draw::step_clock,
              &Draw::set_clock_rate,
              &Draw::cleared_histories,
              &Draw::corrupted_events,
              &Draw::exceptions,
              &Draw::crash_to_late_restart};
  if (!limits_.processes.empty()) {
    makers.insert(makers.end(), {&Draw::pause_process, &Draw::cut_process});
    if (limits_.crashes) makers.push_back(&Draw::crash_process);
  }
  if (limits_.calls && limits_.processes.size() > 1) makers.push_back(&Draw::cut_processes);
  if (limits_.disks && !limits_.processes.empty()) makers.push_back(&Draw::break_disk);
  if (limits_.wall_clock_step > Duration::zero() && !limits_.processes.empty())
    makers.push_back(&Draw::step_wall_clock);
  if (limits_.late_requests) {
    makers.push_back(&Draw::bad_links);
    if (limits_.cluster)
      makers.insert(makers.end(), {&Draw::pause_node, &Draw::slow_requests, &Draw::duplicates, &Draw::reorders});
  }
  if (limits_.broken_leases && limits_.cluster)
    makers.insert(makers.end(), {&Draw::expire_key, &Draw::wild_clock, &Draw::wild_step, &Draw::wild_rate});
  if (limits_.forged_answers && limits_.cluster) makers.push_back(&Draw::corrupted_answers);
  return makers;
}

Disturbance Draw::one_of(std::uint64_t mask) {
  const std::vector<Maker> makers = allowed();
  // Weights: a kind that is in the mask counts one to sixteen times.
  std::vector<Maker> urn;
  for (std::size_t i = 0; i < makers.size(); ++i) {
    if ((mask >> i & 1U) == 0) continue;
    urn.insert(urn.end(), 1 + mix(mask + i) % 16, makers[i]);
  }
  if (urn.empty()) urn = makers;
  return (this->*urn[random_.below(urn.size())])();
}

Disturbance Draw::cut_processes() {
  const auto count = limits_.processes.size();
  const auto one = random_.below(count);
  const auto other = (one + 1 + random_.below(count - 1)) % count;
  return CutProcesses{limits_.processes[one], limits_.processes[other], static_cast<Direction>(random_.below(3))};
}

Disturbance Draw::bad_links() {
  const auto part = [&](int most) {
    return random_.chance(0.5) ? static_cast<double>(random_.between(1, most)) / 100 : 0;
  };
  BadLinks links;
  links.latency_most = rounded(brief(seconds(1)));
  links.request_loss = part(30);
  links.answer_loss = part(30);
  links.duplication = part(50);
  return links;
}

Disturbance Draw::partition() {
  std::vector<std::vector<fake::NodeId>> groups(2 + random_.below(2));
  for (fake::NodeId id = 1; id <= static_cast<fake::NodeId>(limits_.nodes); ++id) {
    groups[random_.below(groups.size())].push_back(id);
  }
  std::erase_if(groups, [](const auto& group) { return group.empty(); });
  return fake::Fault(fake::Partition{groups});
}

Disturbance Draw::cut_link() {
  const fake::NodeId from = node();
  fake::NodeId to = node();
  if (to == from) to = from % static_cast<fake::NodeId>(limits_.nodes) + 1;
  if (to == from) return isolate();
  return fake::Fault(fake::CutLink{from, to});
}

Disturbance Draw::skew_clock() {
  const Duration most = most_offset();
  return fake::Fault(fake::SkewClock{node(), std::chrono::floor<milliseconds>(random_.between(-most, most))});
}

Disturbance Draw::step_clock() {
  const Duration most = most_gain();
  return fake::Fault(fake::StepClock{node(), std::chrono::floor<milliseconds>(random_.between(-most, most))});
}

Disturbance Draw::set_clock_rate() {
  constexpr double parts = 1'000'000;
  const auto most = static_cast<std::int64_t>(parts * std::chrono::duration<double>(most_gain()) / limits_.longest);
  return fake::Fault(fake::SetClockRate{node(), (parts + static_cast<double>(random_.between(-most, most))) / parts});
}

Disturbance Draw::errors() {
  constexpr std::array answers{std::pair{500, 300}, std::pair{500, 301}, std::pair{500, 0}, std::pair{503, 0}};
  const auto [status, code] = answers[random_.below(answers.size())];
  return rule(fake::Answer{.status = status, .error_code = code, .body = {}});
}

/// Watches are refused, as if what they ask for was long ago.
Disturbance Draw::cleared_histories() {
  return watches(rule(fake::Answer{.status = 400, .error_code = 401, .body = {}}));
}

/// Watches hear something, and cannot make it out.
Disturbance Draw::corrupted_events() { return watches(rule(fake::CorruptBody{})); }

Disturbance Draw::watches(Disturbance rule) {
  std::get<fake::AddRule>(std::get<fake::Fault>(rule)).rule.match.method = "WATCH";
  return rule;
}

Disturbance Draw::wild_step() {
  return fake::Fault(
      fake::StepClock{node(), std::chrono::floor<milliseconds>(random_.between(-seconds(60), seconds(60)))});
}

Disturbance Draw::wild_rate() {
  return fake::Fault(fake::SetClockRate{node(), static_cast<double>(random_.between(10, 500)) / 100});
}

Disturbance Draw::wild_clock() {
  return fake::Fault(
      fake::SkewClock{node(), std::chrono::floor<milliseconds>(random_.between(-seconds(60), seconds(60)))});
}

Disturbance Draw::rule(fake::RuleAction action) {
  constexpr std::array methods{"", "PUT", "DELETE", "GET", "WATCH"};
  fake::Rule rule;
  rule.name = "r" + std::to_string(random_.below(1'000'000));
  rule.match.key = limits_.keys;
  rule.match.method = methods[random_.below(methods.size())];
  if (!limits_.processes.empty() && random_.chance(0.2)) rule.match.client = process();
  if (random_.chance(0.2)) rule.match.node = node();
  if (rule.match.method == std::string_view("PUT") && random_.chance(0.3))
    rule.match.parameter = random_.chance(0.5) ? "prevExists=false" : "prevValue=";
  if (random_.chance(0.5)) rule.match.probability = static_cast<double>(random_.between(1, 9)) / 10;
  if (random_.chance(0.1)) {
    rule.match.nth = 1 + random_.below(4);
  } else if (random_.chance(0.1)) {
    rule.match.every = 2 + random_.below(3);
  }
  if (random_.chance(0.3)) rule.match.times = 1 + random_.below(4);
  rule.action = std::move(action);
  return fake::Fault(fake::AddRule{std::move(rule)});
}

}  // namespace

Duration FaultPlan::over() const {
  Duration end = {};
  for (const Episode& episode : episodes) end = std::max(end, episode.at + episode.lasts);
  return end;
}

bool FaultPlan::breaks_leases(Duration max_skew) const {
  std::map<fake::NodeId, WrongClock> clocks;
  for (const Episode& episode : episodes) {
    const auto* fault = std::get_if<fake::Fault>(&episode.what);
    if (fault == nullptr) continue;
    if (std::holds_alternative<fake::ExpireKey>(*fault)) return true;
    if (const fake::NodeId node = clock_of(*fault); node != 0) clocks[node].add(*fault, episode.lasts);
  }
  // Two nodes may be wrong in opposite ways.
  return std::ranges::any_of(clocks, [&](const auto& clock) { return clock.second.most() > max_skew / 2; });
}

bool FaultPlan::forges_answers() const {
  return std::ranges::any_of(episodes, [](const Episode& episode) {
    const fake::Rule* const rule = rule_of(episode);
    return rule != nullptr && std::holds_alternative<fake::CorruptBody>(rule->action) && rule->match.method != "WATCH";
  });
}

bool FaultPlan::repeats_writes() const {
  return std::ranges::any_of(episodes, [](const Episode& episode) {
    if (const auto* links = std::get_if<BadLinks>(&episode.what)) return links->duplication > 0;
    const auto* fault = std::get_if<fake::Fault>(&episode.what);
    if (fault != nullptr && std::holds_alternative<fake::Pause>(*fault)) return true;
    const fake::Rule* const rule = rule_of(episode);
    return rule != nullptr && std::holds_alternative<fake::Duplicate>(rule->action);
  });
}

Disturbance random_disturbance(std::uint64_t mask, std::uint64_t draw, const PlanLimits& limits) {
  return Draw(draw, limits).one_of(mask);
}

FaultPlan random_plan(std::uint64_t seed, const PlanLimits& limits) {
  RandomStream random(seed, "fault plan");
  const std::uint64_t mask = random.next();
  const double longest = std::chrono::duration<double>(limits.longest).count();
  const double shortest = std::chrono::duration<double>(limits.shortest).count();
  FaultPlan plan;
  for (auto left = random.between(1, limits.most_episodes); left > 0; --left) {
    const Duration at = std::chrono::floor<milliseconds>(random.between(Duration::zero(), limits.length));
    // Log-uniform: as many of seconds as of tenths of them.
    const std::chrono::duration<double> lasts(shortest * std::pow(longest / shortest, random.unit()));
    plan.episodes.push_back(
        {at, std::chrono::ceil<milliseconds>(lasts), random_disturbance(mask, random.next(), limits)});
  }
  std::ranges::stable_sort(plan.episodes, {}, &Episode::at);
  return plan;
}

}  // namespace deimos::testkit

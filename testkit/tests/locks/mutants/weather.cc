#include "mutants/weather.h"

#include <string>
#include <utility>

#include <deimos/testkit/random.h>

namespace deimos::testkit::mutants {
namespace {

using namespace std::chrono_literals;

constexpr int processes = 3;

void add(LockRun& run, Duration at, Duration lasts, Disturbance what) {
  run.plan.episodes.push_back({at, lasts, std::move(what)});
}

void add_rule(LockRun& run, Duration at, Duration lasts, fake::Rule rule) {
  rule.name += std::to_string(run.plan.episodes.size());
  add(run, at, lasts, fake::Fault(fake::AddRule{std::move(rule)}));
}

/// One process after the other, one every seven seconds.
template <typename MakeFault>
void strike(LockRun& run, Duration lasts, MakeFault fault) {
  for (Duration at = 3s; at < 40s; at += 7s) {
    const auto draw = mix(run.seed + static_cast<std::uint64_t>(at.count()));
    add(run, at, lasts, fault(name_of_process(draw % processes)));
  }
}

void cut_off(LockRun& run, Duration lasts) {
  strike(run, lasts, [](const std::string& process) { return CutProcess{process, 0, Direction::both}; });
}

/// Leases are too long to be waited for, and whoever waits is served soon.
void be_impatient(LockRun& run) {
  run.locks.ttl = 120s;
  run.patience = 25s;
}

void draw_faults(LockRun& run, Weather weather) {
  PlanLimits limits;
  limits.processes = {"p1", "p2", "p3"};
  limits.crashes = weather == Weather::deadly || weather == Weather::unswept;
  limits.late_requests = false;
  const bool brief = weather == Weather::swift || weather == Weather::lossy || weather == Weather::forgetful;
  if (brief) {
    limits.longest = 3s;
    be_impatient(run);
  }
  run.plan = random_plan(run.seed, limits);
}

void add_faults(LockRun& run, Weather weather) {
  switch (weather) {
    case Weather::lossy:
      add(run, 0s, 40s,
          fake::Fault(fake::AddRule{{"lost", {.method = "PUT", .probability = 0.4}, fake::DropAnswer{}}}));
      add(run, 0s, 40s,
          fake::Fault(fake::AddRule{{"lost too", {.method = "POST", .probability = 0.4}, fake::DropAnswer{}}}));
      add(run, 0s, 40s,
          fake::Fault(fake::AddRule{{"not sent", {.method = "DELETE", .probability = 0.4}, fake::DropRequest{}}}));
      return;
    case Weather::forced:
      run.forced = true;
      for (Duration at = 2s; at < 40s; at += 5s) add(run, at, 0s, fake::Fault(fake::ExpireKey{"/locks/a"}));
      return;
    case Weather::forgetful:
      run.locks.poll_interval = 10s;
      for (Duration at = 1s; at < 40s; at += 1700ms) add(run, at, 0s, fake::Fault(fake::ForgetWatchers{}));
      return;
    case Weather::wiped:
    case Weather::wiped_fast:
      be_impatient(run);
      run.locks.poll_interval = 60s;
      for (Duration at = 500ms; at < 40s; at += 3s)
        add_rule(run, at, 1500ms,
                 {"cleared",
                  {.method = "WATCH", .parameter = "waitIndex"},
                  fake::Answer{.status = 400, .error_code = 401, .body = {}}});
      return;
    case Weather::hiccups:
      run.keeps = true;
      run.locks.ttl = 12s;
      add_rule(run, 0s, 40s, {"hiccup", {.method = "PUT", .parameter = "prevIndex", .every = 3}, fake::DropAnswer{}});
      return;
    case Weather::cut: return cut_off(run, 6s);
    case Weather::frozen: return strike(run, 7s, [](const std::string& process) { return PauseProcess{process}; });
    case Weather::skewed:
      cut_off(run, 6s);
      for (int node = 1; node <= run.nodes; ++node) {
        const Duration offset = mix(run.seed + static_cast<std::uint64_t>(node)) % 2 == 0 ? 240ms : -240ms;
        add(run, 0s, 60s, fake::Fault(fake::SkewClock{static_cast<fake::NodeId>(node), offset}));
      }
      for (Duration at = 1s; at < 40s; at += 2s) add(run, at, 0s, fake::Fault(fake::ChangeLeader{0}));
      return;
    case Weather::drifting:
      run.locks.ttl = 20s;
      run.locks.max_clock_skew = 1ms;
      cut_off(run, 25s);
      return run.clocks.assign(processes, {0s, 0.991});
    case Weather::astray:
      cut_off(run, 6s);
      for (int i = 0; i < processes; ++i) {
        const auto seconds = static_cast<std::int64_t>(mix(run.seed + static_cast<std::uint64_t>(i)) % 240) - 120;
        run.clocks.push_back({std::chrono::seconds(seconds), 1});
      }
      return;
    case Weather::deadly: return strike(run, 2s, [](const std::string& process) { return CrashProcess{process}; });
    case Weather::unswept: run.cluster.missed_sweeps = 0.99; return;
    default: return;
  }
}

/// Without faults, so that nothing but the client's own doing decides.
LockRun calm_run(Weather weather, std::uint64_t seed) {
  LockRun run;
  run.seed = seed;
  be_impatient(run);
  run.locks.poll_interval = 60s;
  run.links.latency_max = 30ms;
  run.program = random_program(seed, {.processes = processes, .locks = 1, .steps = 30, .longest = 50ms});
  if (weather == Weather::crowded) return run;
  const bool herd = weather == Weather::herd;
  run.links.latency_max = 1ms;
  run.locks.renewal_interval = herd ? 200ms : 100ms;
  run.program = random_program(seed, {.processes = herd ? 8 : processes, .locks = 1, .steps = 16, .longest = 5s});
  run.plan.episodes.push_back({0s, 20s, fake::Fault(fake::Heal{})});  // So long it is looked at closely.
  run.requests_per_call = 12;
  run.requests_per_second = 15;
  return run;
}

}  // namespace

LockRun run_in(Weather weather, std::uint64_t seed) {
  if (weather == Weather::crowded || weather == Weather::brisk || weather == Weather::herd)
    return calm_run(weather, seed);
  LockRun run;
  run.seed = seed;
  run.locks.ttl = 5s;
  const bool drawn = weather <= Weather::forgetful || weather == Weather::deadly || weather == Weather::unswept ||
                     weather == Weather::cut || weather == Weather::slow || weather == Weather::crawling ||
                     weather == Weather::astray || weather == Weather::careless;
  if (drawn) draw_faults(run, weather);
  ProgramLimits limits{.processes = processes, .locks = 1, .steps = 20, .longest = 15s};
  limits.careless = weather == Weather::careless;
  if (weather == Weather::wiped_fast) {
    limits.steps = 60;
    limits.longest = 1s;
    run.links.latency_max = 30ms;
  }
  run.program = random_program(seed, limits);
  if (weather == Weather::slow) run.links = {.latency_min = 300ms, .latency_max = 1200ms};
  if (weather == Weather::tardy) {
    run.locks.ttl = 20s;
    run.links = {.latency_min = 300ms, .latency_max = 1200ms};
    cut_off(run, 25s);
  }
  if (weather == Weather::crawling) {
    run.locks.ttl = 2s;
    run.links = {.latency_min = 300ms, .latency_max = 1s};
  }
  add_faults(run, weather);
  return run;
}
}  // namespace deimos::testkit::mutants

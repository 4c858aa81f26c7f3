// What virtual time costs: a switch of fibers, a simulated request, a simulated second.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include <deimos/testkit/scheduler.h>
#include <deimos/testkit/simulation.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

/// One task that lets the others run, again and again: to the scheduler and back for each.
void switch_of_fibers(benchmark::State& state) {
  class Turn final : public WaitTarget {
   public:
    [[nodiscard]] std::string describe() const override { return "its turn"; }
  };
  constexpr std::uint64_t rounds = 100'000;
  for (auto _ : state) {
    Scheduler scheduler;
    scheduler.spawn(scheduler.default_group(), "task", Scheduler::Role::foreground, [&](std::stop_token) {
      const Turn turn;
      for (std::uint64_t i = 0; i < rounds; ++i) scheduler.park(scheduler.now(), turn);
    });
    scheduler.run();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(2 * rounds));
}
BENCHMARK(switch_of_fibers)->Unit(benchmark::kMillisecond);

void sleep_on_a_timer(benchmark::State& state) {
  constexpr std::uint64_t rounds = 100'000;
  for (auto _ : state) {
    Scheduler scheduler;
    for (int task = 0; task < 10; ++task) {
      scheduler.spawn(scheduler.default_group(), "task", Scheduler::Role::foreground, [&, task](std::stop_token) {
        for (std::uint64_t i = 0; i < rounds / 10; ++i) scheduler.sleep_until(scheduler.now() + 1ms + task * 1us);
      });
    }
    scheduler.run();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rounds));
}
BENCHMARK(sleep_on_a_timer)->Unit(benchmark::kMillisecond);

/// Processes that ask over the bare transport, half of it writes: what the simulated network and the cluster cost.
void simulated_requests(benchmark::State& state) {
  constexpr int requests = 2'000;
  const int clients = static_cast<int>(state.range(0));
  const int nodes = static_cast<int>(state.range(1));
  for (auto _ : state) {
    Simulation simulation({.seed = 1, .nodes = nodes});
    for (int client = 0; client < clients; ++client) {
      const std::string name = "client" + std::to_string(client);
      const std::string endpoint = "http://node" + std::to_string(client % nodes + 1) + ":4001";
      simulation.spawn(name, [&simulation, name, endpoint](Process& process) {
        const auto transport = simulation.network().make_transport(name, process.runtime());
        const Request write{"PUT", "/keys/" + name, {}, "value=1", "application/x-www-form-urlencoded"};
        const Request read{"GET", "/keys/" + name, {}, {}, {}};
        for (int i = 0; i < requests; ++i) {
          benchmark::DoNotOptimize(transport->exchange(endpoint, i % 2 == 0 ? write : read, process.now() + 10s, {}));
        }
      });
    }
    simulation.run();
  }
  state.SetItemsProcessed(state.iterations() * requests * clients);
  state.counters["s/request"] = benchmark::Counter(static_cast<double>(state.iterations()) * requests * clients,
                                                   benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(simulated_requests)
    ->ArgNames({"clients", "nodes"})
    ->Args({1, 1})
    ->Args({5, 1})
    ->Args({1, 3})
    ->Args({5, 3})
    ->Args({10, 3})
    ->Args({100, 3})
    ->Unit(benchmark::kMillisecond);

/// The same through Client: parsing and all.
void simulated_client_calls(benchmark::State& state) {
  constexpr int calls = 1'000;
  for (auto _ : state) {
    Simulation simulation({.seed = 1, .nodes = 3});
    for (int client = 0; client < 5; ++client) {
      simulation.spawn("client" + std::to_string(client), [](Process& process) {
        const std::string key = "/" + process.name();
        for (int i = 0; i < calls / 2; ++i) {
          benchmark::DoNotOptimize(process.client().set(key, "1"));
          benchmark::DoNotOptimize(process.client().get(key));
        }
      });
    }
    simulation.run();
  }
  state.SetItemsProcessed(state.iterations() * calls * 5);
}
BENCHMARK(simulated_client_calls)->Unit(benchmark::kMillisecond);

/// Five processes contend for a lock and renew it, on a cluster of three: simulated seconds per second.
void simulated_seconds(benchmark::State& state) {
  constexpr Duration length = 10min;
  std::uint64_t delivered = 0;
  for (auto _ : state) {
    Simulation simulation({.seed = 1, .nodes = 3});
    for (int client = 0; client < 5; ++client) {
      simulation.spawn("worker" + std::to_string(client), [](Process& process) {
        auto mutex = process.locks().mutex("reports");
        for (;;) {
          const auto hold = mutex.acquire();
          process.sleep(20s);
        }
      });
    }
    simulation.run_for(length);
    delivered += simulation.network().delivered();
  }
  const auto seconds = std::chrono::duration<double>(length).count() * static_cast<double>(state.iterations());
  state.counters["simulated_s/s"] = benchmark::Counter(seconds, benchmark::Counter::kIsRate);
  state.counters["requests/simulated_s"] = static_cast<double>(delivered) / seconds;
}
BENCHMARK(simulated_seconds)->Unit(benchmark::kMillisecond);

/// Contends for a lock until its process ends, whatever fails meanwhile.
void contend(Process& process) {
  auto mutex = process.locks().mutex("reports");
  for (;;) {
    if (const auto hold = mutex.acquire({.wait = 20s})) process.sleep(3s);
    process.sleep(100ms);
  }
}

/// One fault every three seconds, each undone two seconds later; what fault it is goes round by `number`.
void disturb(Simulation& simulation, int number) {
  const Duration begin = 1s + number * 3s;
  const auto node = static_cast<fake::NodeId>(number % 3 + 1);
  const std::string worker = "worker" + std::to_string(number % 5);
  const auto fault = [&](fake::Fault what, fake::Fault undoing) {
    simulation.at(begin, [&simulation, what = std::move(what)] { simulation.cluster().apply(what); });
    simulation.at(begin + 2s, [&simulation, undoing = std::move(undoing)] { simulation.cluster().apply(undoing); });
  };
  switch (number % 10) {
    case 0: return fault(fake::Isolate{node}, fake::Rejoin{node});
    case 1: return fault(fake::Crash{node}, fake::Restart{node});
    case 2: return fault(fake::SkewClock{node, 400ms}, fake::ResetClock{node});
    case 3: return fault(fake::Partition{{{1}, {2, 3}}}, fake::Heal{});
    case 4:
      return fault(fake::AddRule{{.match = {.method = "PUT", .every = 2}, .action = fake::DropAnswer{}}},
                   fake::RemoveRules{});
    case 5: return fault(fake::Pause{node}, fake::Resume{node});
    case 6: return fault(fake::ForgetWatchers{}, fake::WipeHistory{});
    case 7: return fault(fake::ChangeLeader{}, fake::SkipSweeps{1s});
    case 8: simulation.at(begin, [&simulation, worker] { simulation.pause(worker, 2s); }); return;
    default:
      simulation.at(begin, [&simulation, worker] { simulation.crash(worker); });
      simulation.at(begin + 2s, [&simulation, worker] { simulation.restart(worker); });
  }
}

/// What a test pays for one scenario, from making the simulation to its end: three nodes, five processes that contend
/// for a lock, one minute, twenty faults.
void minute_with_twenty_faults(benchmark::State& state) {
  std::uint64_t seed = 0;
  std::uint64_t elections = 0;
  for (auto _ : state) {
    Simulation simulation({.seed = ++seed, .nodes = 3});
    for (int client = 0; client < 5; ++client) simulation.spawn("worker" + std::to_string(client), contend);
    for (int number = 0; number < 20; ++number) disturb(simulation, number);
    simulation.run_for(1min);
    elections += simulation.cluster().term() - 1;
  }
  state.counters["elections"] = static_cast<double>(elections) / static_cast<double>(state.iterations());
}
BENCHMARK(minute_with_twenty_faults)->Unit(benchmark::kMillisecond);

void simulation_made_and_destroyed(benchmark::State& state) {
  for (auto _ : state) {
    Simulation simulation({.nodes = 3});
    simulation.spawn("client", [](Process& process) { benchmark::DoNotOptimize(process.client().set("/key", "1")); });
    simulation.run();
  }
}
BENCHMARK(simulation_made_and_destroyed)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace deimos::testkit

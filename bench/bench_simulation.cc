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
}
BENCHMARK(simulated_requests)
    ->ArgNames({"clients", "nodes"})
    ->Args({1, 1})
    ->Args({5, 1})
    ->Args({1, 3})
    ->Args({5, 3})
    ->Args({20, 3})
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

// How long the linearizability checker takes.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <deimos/testkit/linearizability.h>
#include <deimos/testkit/random.h>

namespace {

using namespace deimos::testkit;
using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

struct Shape {
  int operations;
  int processes;
  std::uint64_t keys;
  double unknown;
};

/// A linearizable history: each operation acts at a drawn instant between call and return.
OperationHistory draw(const Shape& shape, std::uint64_t seed) {
  RandomStream random(seed, "history");
  struct Client {
    std::int64_t name = 0;
    OperationHistory::Id id = 0;
    Kind kind = Kind::read;
    std::string key;
    Operation::Value value, from, seen;
    enum { idle, called, acted } state = idle;
    bool succeeded = false;
  };
  std::vector<Client> clients;
  for (int i = 0; i < shape.processes; ++i) {
    Client& client = clients.emplace_back();
    client.name = i + 1;
  }
  std::map<std::string, Operation::Value> store;
  OperationHistory history;
  std::int64_t now = 0;
  std::int64_t last_name = shape.processes;
  for (int left = shape.operations; left > 0;) {
    Client& client = clients[random.below(clients.size())];
    const deimos::Duration at(++now);
    if (client.state == Client::idle) {
      client.kind = static_cast<Kind>(random.below(3));
      client.key = "k" + std::to_string(random.below(shape.keys));
      client.value = std::to_string(random.below(5));
      client.from = std::to_string(random.below(5));
      client.id = history.call(client.name, client.kind, client.key, client.value, at, client.from);
      client.state = Client::called;
      --left;
    } else if (client.state == Client::called) {
      Operation::Value& value = store[client.key];
      client.seen = value;
      client.succeeded = client.kind != Kind::compare_and_swap || value == client.from;
      if (client.kind != Kind::read && client.succeeded) value = client.value;
      client.state = Client::acted;
    } else {
      client.state = Client::idle;
      if (random.chance(shape.unknown)) {
        history.finish(client.id, Outcome::unknown, at);
        client.name = ++last_name;
      } else {
        history.finish(client.id, client.succeeded ? Outcome::ok : Outcome::failed, at, client.seen);
      }
    }
  }
  return history;
}

void check(benchmark::State& state, const Shape& shape) {
  constexpr std::uint64_t seeds = 20;
  std::vector<OperationHistory> histories;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) histories.push_back(draw(shape, seed));
  std::uint64_t steps = 0;
  std::size_t next = 0;
  for (auto _ : state) {
    const Linearizability verdict = check_linearizability(histories[next++ % seeds]);
    if (verdict.answer != Linearizability::Answer::linearizable) state.SkipWithError("not linearizable");
    steps += verdict.steps;
  }
  state.counters["steps"] = benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kAvgIterations);
}

void BM_CheckLongHistory(benchmark::State& state) { check(state, {10'000, 10, 20, 0.01}); }
void BM_CheckOneRegisterManyUnknown(benchmark::State& state) { check(state, {90, 10, 1, 0.25}); }

BENCHMARK(BM_CheckLongHistory)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_CheckOneRegisterManyUnknown)->Unit(benchmark::kMillisecond);

}  // namespace

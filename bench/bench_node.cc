// A node without a network: request text in, answer text out, on one thread.
//
// put and get ask for a thousand keys that lie scattered among `N`: what they cost must not grow with N. The …_any
// variants ask for all N in a pseudo-random order, which adds what the machine takes to fetch memory that is in no
// cache (a bare pointer chase over as much memory is measured beside them).
#include <malloc.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include <deimos/fake/node.h>

namespace {

using deimos::Request;
using deimos::fake::Node;

constexpr std::string_view prefix = "/keys/bench/key-";
constexpr int digits = 7;

Request put_request() {
  return {"PUT", std::string(prefix) + "0000000", {}, "value=some+short+value", "application/x-www-form-urlencoded"};
}

Request get_request() { return {"GET", std::string(prefix) + "0000000", {}, {}, {}}; }

void aim(Request& request, std::uint64_t key) {
  for (std::size_t at = prefix.size() + digits; at-- > prefix.size(); key /= 10) {
    request.target[at] = static_cast<char>('0' + key % 10);
  }
}

/// Pseudo-random keys: `asked` different ones, scattered evenly among `keys`.
class KeyOrder {
 public:
  KeyOrder(std::uint64_t keys, std::uint64_t asked) : asked_(asked), apart_(keys / asked) {}
  std::uint64_t next() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return (state_ >> 33U) % asked_ * apart_;
  }

 private:
  std::uint64_t asked_;
  std::uint64_t apart_;
  std::uint64_t state_ = 42;
};

constexpr std::uint64_t few = 1'000;

std::size_t bytes_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// A node with that many keys, and what one of them costs.
struct Filled {
  explicit Filled(std::uint64_t keys) {
    const std::size_t before = bytes_in_use();
    node = std::make_unique<Node>();
    Request request = put_request();
    for (std::uint64_t key = 0; key < keys; ++key) {
      aim(request, key);
      benchmark::DoNotOptimize(node->handle(request));
    }
    bytes_per_key = static_cast<double>(bytes_in_use() - before) / static_cast<double>(keys);
  }
  std::unique_ptr<Node> node;
  double bytes_per_key = 0;
};

void run(benchmark::State& state, bool any, Request request, std::string_view parameters) {
  const auto keys = static_cast<std::uint64_t>(state.range(0));
  const Filled filled(keys);
  KeyOrder order(keys, any ? keys : few);
  request.target.append(parameters);
  for (auto _ : state) {
    aim(request, order.next());
    const deimos::Response response = filled.node->handle(request);
    if (response.status != 200) state.SkipWithError("not answered as expected");
    benchmark::DoNotOptimize(response.body.data());
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes_per_key"] = filled.bytes_per_key;
}

void put(benchmark::State& state) { run(state, false, put_request(), ""); }
BENCHMARK(put)->RangeMultiplier(10)->Range(1'000, 1'000'000);

void put_with_ttl(benchmark::State& state) { run(state, false, put_request(), "?ttl=3600"); }
BENCHMARK(put_with_ttl)->RangeMultiplier(10)->Range(1'000, 1'000'000);

void get(benchmark::State& state) { run(state, false, get_request(), ""); }
BENCHMARK(get)->RangeMultiplier(10)->Range(1'000, 1'000'000);

void put_any(benchmark::State& state) { run(state, true, put_request(), ""); }
BENCHMARK(put_any)->Arg(1'000'000);

void get_any(benchmark::State& state) { run(state, true, get_request(), ""); }
BENCHMARK(get_any)->Arg(1'000'000);

/// One fetch from memory that is in no cache, for comparison.
void bare_fetch(benchmark::State& state) {
  struct alignas(64) Line {
    std::uint64_t next = 0;
  };
  // A cycle through all lines in pseudo-random order: multiplying by an odd number permutes the numbers below 2^n.
  constexpr std::uint64_t lines = std::uint64_t{1} << 22U;
  std::vector<Line> memory(lines);
  for (std::uint64_t at = 0; at < lines; ++at) {
    memory[at * 2654435761U % lines].next = (at + 1) * 2654435761U % lines;
  }
  std::uint64_t at = 0;
  for (auto _ : state) benchmark::DoNotOptimize(at = memory[at].next);
}
BENCHMARK(bare_fetch);

void create_and_remove(benchmark::State& state) {
  const auto keys = static_cast<std::uint64_t>(state.range(0));
  const Filled filled(keys);
  Request create = put_request();
  Request remove{"DELETE", create.target, {}, {}, {}};
  aim(create, keys);
  aim(remove, keys);
  for (auto _ : state) {
    benchmark::DoNotOptimize(filled.node->handle(create));
    benchmark::DoNotOptimize(filled.node->handle(remove));
  }
  state.SetItemsProcessed(2 * state.iterations());
}
BENCHMARK(create_and_remove)->Arg(1'000)->Arg(1'000'000);

/// A PUT of a key that `state.range(0)` others are watched beside.
void put_beside_watches(benchmark::State& state) {
  struct Nobody final : deimos::fake::Reply {
    void answer(deimos::Response, bool) override {}
    void chunk(std::string_view) override {}
    void end() override {}
  };
  const Filled filled(few);
  const auto nobody = std::make_shared<Nobody>();
  for (std::int64_t watch = 0; watch < state.range(0); ++watch) {
    filled.node->handle({"GET", "/keys/watched/" + std::to_string(watch) + "?wait=true", {}, {}, {}}, nobody);
  }
  KeyOrder order(few, few);
  Request request = put_request();
  for (auto _ : state) {
    aim(request, order.next());
    benchmark::DoNotOptimize(filled.node->handle(request));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(put_beside_watches)->Arg(0)->Arg(1'000)->Arg(100'000);

void node_with_first_write(benchmark::State& state) {
  const Request request = put_request();
  for (auto _ : state) {
    Node node;
    benchmark::DoNotOptimize(node.handle(request));
  }
}
BENCHMARK(node_with_first_write)->Unit(benchmark::kMicrosecond);

}  // namespace

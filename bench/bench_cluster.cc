// A cluster of three nodes without a network.
#include <string>

#include <benchmark/benchmark.h>

#include <deimos/fake/cluster.h>

namespace {

using deimos::Request;
using deimos::fake::Cluster;
using deimos::fake::NodeId;

Request put_request() {
  return {"PUT", "/keys/bench/key", {}, "value=some+short+value", "application/x-www-form-urlencoded"};
}

/// Made, written to, and destroyed.
void cluster_with_first_write(benchmark::State& state) {
  const Request request = put_request();
  for (auto _ : state) {
    Cluster cluster({.nodes = static_cast<NodeId>(state.range(0))});
    if (cluster.node(2).handle(request).status != 201) state.SkipWithError("not answered as expected");
  }
}
BENCHMARK(cluster_with_first_write)->Arg(3)->Arg(5)->Unit(benchmark::kMicrosecond);

/// Requests to all three nodes in turn.
void ask_in_turn(benchmark::State& state, Cluster& cluster, const Request& request) {
  NodeId node = 1;
  for (auto _ : state) {
    if (cluster.node(node).handle(request).status >= 300) state.SkipWithError("not answered as expected");
    node = node % cluster.size() + 1;
  }
  state.SetItemsProcessed(state.iterations());
}

void put(benchmark::State& state) {
  Cluster cluster;
  (void)cluster.node(1).handle(put_request());
  ask_in_turn(state, cluster, put_request());
}
BENCHMARK(put);

void put_under_a_rule(benchmark::State& state) {
  Cluster cluster;
  cluster.add_rule({"", {.client = "somebody", .method = "PUT", .key = "/locks/**"}, deimos::fake::DropAnswer{}});
  (void)cluster.node(1).handle(put_request());
  ask_in_turn(state, cluster, put_request());
}
BENCHMARK(put_under_a_rule);

void put_while_audited(benchmark::State& state) {
  Cluster cluster;
  std::uint64_t records = 0;
  cluster.set_observer([&](const deimos::fake::AuditRecord&) { ++records; });
  ask_in_turn(state, cluster, put_request());
}
BENCHMARK(put_while_audited);

void get(benchmark::State& state) {
  Cluster cluster;
  (void)cluster.node(1).handle(put_request());
  ask_in_turn(state, cluster, {"GET", "/keys/bench/key", {}, {}, {}});
}
BENCHMARK(get);

/// A partition, an election, and the healing.
void partition_and_heal(benchmark::State& state) {
  Cluster cluster;
  for (auto _ : state) {
    const NodeId leader = cluster.leader();
    cluster.isolate(leader);
    cluster.advance(std::chrono::seconds(3));
    cluster.heal();
  }
}
BENCHMARK(partition_and_heal)->Unit(benchmark::kMicrosecond);

}  // namespace

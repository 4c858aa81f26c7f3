// A cluster of three nodes on the network: what a test that starts one pays for it.
#include <string>

#include <benchmark/benchmark.h>

#include <deimos/client.h>
#include <deimos/fake/http_cluster.h>

namespace {

using deimos::fake::HttpCluster;

/// Ready at three ports, written to through the second by a client of its own, and destroyed.
void http_cluster_with_first_write(benchmark::State& state) {
  const deimos::fake::SystemClock clock;
  for (auto _ : state) {
    HttpCluster served({.nodes = 3, .clock = &clock});
    deimos::Client client({.endpoints = {served.urls()[1]}});
    if (!client.set("/bench/key", "some short value")) state.SkipWithError("not answered as expected");
  }
}
BENCHMARK(http_cluster_with_first_write)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

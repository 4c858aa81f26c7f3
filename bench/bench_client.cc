// What the client adds: to a bare cpp-httplib over HTTP, and to the fake node in the process.
//
// Over HTTP both run against the same server in the same run; compare `real_time` of a pair:
//   bench_client --benchmark_filter=Http --benchmark_enable_random_interleaving=true --benchmark_repetitions=9
#include <benchmark/benchmark.h>
#include <httplib.h>

#include <deimos/client.h>
#include <deimos/fake/http_server.h>
#include <deimos/fake/in_process_transport.h>
#include <deimos/fake/node.h>
#include <deimos/thread_runtime.h>

namespace {

using deimos::Client;

void stop_if(benchmark::State& state, bool failed) {
  if (failed) state.SkipWithError("a request failed");
}

/// A node behind HTTP, and both clients of it, warmed up.
struct OverHttp {
  deimos::fake::Node node;
  deimos::fake::HttpServer server{node};
  Client client{{.endpoints = {server.url()}}};
  httplib::Client bare{"127.0.0.1", server.port()};

  OverHttp() {
    bare.set_keep_alive(true);
    bare.set_tcp_nodelay(true);
    bare.set_url_encode(false);
    (void)client.set("/key", "value");
    (void)bare.Get("/keys/key");
  }
};

void HttpPutBare(benchmark::State& state) {
  OverHttp over;
  for ([[maybe_unused]] auto _ : state) {
    stop_if(state, !over.bare.Put("/keys/key", "value=value&ttl=30", "application/x-www-form-urlencoded"));
  }
}
BENCHMARK(HttpPutBare)->UseRealTime();

void HttpPutClient(benchmark::State& state) {
  OverHttp over;
  for ([[maybe_unused]] auto _ : state) {
    stop_if(state, !over.client.set("/key", "value", {.ttl = std::chrono::seconds(30)}));
  }
}
BENCHMARK(HttpPutClient)->UseRealTime();

void HttpGetBare(benchmark::State& state) {
  OverHttp over;
  for ([[maybe_unused]] auto _ : state) stop_if(state, !over.bare.Get("/keys/key"));
}
BENCHMARK(HttpGetBare)->UseRealTime();

void HttpGetClient(benchmark::State& state) {
  OverHttp over;
  for ([[maybe_unused]] auto _ : state) stop_if(state, !over.client.get("/key"));
}
BENCHMARK(HttpGetClient)->UseRealTime();

/// One PUT of each in turn, so that whatever else the machine does hits both alike. The counter `ratio` is the client's
/// time by the bare one's.
void HttpPutRatio(benchmark::State& state) {
  OverHttp over;
  using Time = std::chrono::steady_clock;
  Time::duration ours{};
  Time::duration bare{};
  for ([[maybe_unused]] auto _ : state) {
    const auto start = Time::now();
    const auto put = over.bare.Put("/keys/key", "value=value&ttl=30", "application/x-www-form-urlencoded");
    const auto middle = Time::now();
    const auto set = over.client.set("/key", "value", {.ttl = std::chrono::seconds(30)});
    ours += Time::now() - middle;
    bare += middle - start;
    stop_if(state, !put || !set);
  }
  state.counters["ratio"] = static_cast<double>(ours.count()) / static_cast<double>(bare.count());
}
BENCHMARK(HttpPutRatio)->UseRealTime();

/// A node in the process, and a client of it.
struct InProcess {
  std::shared_ptr<deimos::ThreadRuntime> runtime = std::make_shared<deimos::ThreadRuntime>();
  deimos::fake::Node node;
  std::shared_ptr<deimos::fake::InProcessTransport> transport =
      std::make_shared<deimos::fake::InProcessTransport>(*runtime, node);
  Client client{{.endpoints = {"http://127.0.0.1:4001"}, .runtime = runtime, .transport = transport}};
};

void InProcessPut(benchmark::State& state) {
  InProcess in;
  for ([[maybe_unused]] auto _ : state) stop_if(state, !in.client.set("/key", "value"));
}
BENCHMARK(InProcessPut);

void InProcessGet(benchmark::State& state) {
  InProcess in;
  (void)in.client.set("/key", "value");
  for ([[maybe_unused]] auto _ : state) stop_if(state, !in.client.get("/key"));
}
BENCHMARK(InProcessGet);

/// Node, client, first write, destruction.
void InProcessFirstWrite(benchmark::State& state) {
  for ([[maybe_unused]] auto _ : state) {
    InProcess in;
    stop_if(state, !in.client.set("/key", "value"));
  }
}
BENCHMARK(InProcessFirstWrite)->Unit(benchmark::kMicrosecond);

}  // namespace

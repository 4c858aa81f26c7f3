// Puts and ranges per second through etcd's JSON gateway: the fake's etcd3 dialect beside a real etcd.
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include <benchmark/benchmark.h>

#include <deimos/fake/http_cluster.h>
#include <deimos/http_transport.h>
#include <deimos/thread_runtime.h>

#include "servers/etcd_server.h"

namespace {

using namespace std::chrono_literals;
using deimos::EtcdServer;
using deimos::fake::HttpCluster;

class RealEtcd {
 public:
  RealEtcd() {
    server_.start();
    if (!server_.wait_until_ready()) throw std::runtime_error("etcd does not start");
  }
  [[nodiscard]] std::string url() const { return server_.url(); }

 private:
  EtcdServer server_;
};

class FakeEtcd {
 public:
  [[nodiscard]] std::string url() const { return served_.urls().front(); }

 private:
  const deimos::fake::SystemClock clock_;
  HttpCluster served_{{.nodes = 1, .dialect = deimos::fake::Dialect::etcd3, .clock = &clock_}};
};

/// One client on one connection, a request after the other.
template <typename Store>
void ask(benchmark::State& state, const std::string& path, const std::string& body) {
  const Store store;
  const auto runtime = std::make_shared<deimos::ThreadRuntime>();
  deimos::HttpTransport transport(runtime);
  const auto send = [&](const std::string& to, const std::string& what) {
    const auto exchange = transport.exchange(store.url(), {"POST", to, {}, what, "application/json"},
                                             deimos::saturating_add(runtime->now(), 5s), {});
    if (!exchange || exchange->status != 200) throw std::runtime_error("not answered as expected");
  };
  send("/v3/kv/put", R"({"key":"a2V5","value":"c29tZSBzaG9ydCB2YWx1ZQ=="})");
  for (auto _ : state) send(path, body);
  state.SetItemsProcessed(state.iterations());
}

template <typename Store>
void gateway_put(benchmark::State& state) {
  ask<Store>(state, "/v3/kv/put", R"({"key":"a2V5","value":"c29tZSBzaG9ydCB2YWx1ZQ=="})");
}
template <typename Store>
void gateway_range(benchmark::State& state) {
  ask<Store>(state, "/v3/kv/range", R"({"key":"a2V5"})");
}

/// At most half of the time of the next two, in this order.
BENCHMARK(gateway_put<FakeEtcd>)->UseRealTime();
BENCHMARK(gateway_range<FakeEtcd>)->UseRealTime();
BENCHMARK(gateway_put<RealEtcd>)->UseRealTime();
BENCHMARK(gateway_range<RealEtcd>)->UseRealTime();

}  // namespace

// The stores that the suites run on.
#include <stdexcept>

#include <deimos/client.h>
#include <deimos/deimos_backend.h>
#include <deimos/etcd_backend.h>
#include <deimos/fake/http_cluster.h>

#include "servers/etcd_server.h"
#include "stores/lock_store.h"

namespace deimos {
namespace {

/// The fake, over HTTP and in real time.
class DeimosFake final : public LockStore {
 public:
  StoreConnection connect() override {
    const Client client({.endpoints = served_.urls()});
    return {std::make_shared<DeimosBackend>(client), client.runtime()};
  }
  void kill() override { served_.cluster().crash(1); }
  void restart() override { served_.cluster().restart(1); }
  void pause() override { served_.cluster().pause(1); }
  void resume() override { served_.cluster().apply(fake::Resume{1}); }
  void lose_memory() override { throw std::logic_error("the fake keeps what it has"); }

 private:
  const fake::SystemClock clock_;
  fake::HttpCluster served_{{.nodes = 1, .clock = &clock_}};
};

/// The fake that is taken for an etcd, likewise.
class EtcdFake final : public LockStore {
 public:
  StoreConnection connect() override {
    auto backend = std::make_shared<EtcdBackend>(EtcdOptions{.endpoints = served_.urls()});
    return {backend, backend->runtime()};
  }
  void kill() override { served_.cluster().crash(1); }
  void restart() override { served_.cluster().restart(1); }
  void pause() override { served_.cluster().pause(1); }
  void resume() override { served_.cluster().resume(1); }
  void lose_memory() override { throw std::logic_error("the fake keeps what it has"); }

 private:
  const fake::SystemClock clock_;
  fake::HttpCluster served_{{.nodes = 1, .dialect = fake::Dialect::etcd3, .clock = &clock_}};
};

class Etcd final : public LockStore {
 public:
  Etcd() { restart(); }
  StoreConnection connect() override {
    auto backend = std::make_shared<EtcdBackend>(EtcdOptions{.endpoints = {server_.url()}});
    return {backend, backend->runtime()};
  }
  void kill() override { server_.kill(); }
  void restart() override {
    server_.start();
    if (!server_.wait_until_ready()) throw std::runtime_error("etcd does not start");
  }
  void pause() override { server_.pause(); }
  void resume() override { server_.resume(); }
  void lose_memory() override {
    server_.kill();
    server_.wipe();
    restart();
  }

 private:
  EtcdServer server_;
};

}  // namespace

std::vector<StoreKind> store_kinds() {
  return {
      {.name = "Deimos", .start = [] { return std::make_unique<DeimosFake>(); }, .can_lose_memory = false},
      {.name = "EtcdV3Fake", .start = [] { return std::make_unique<EtcdFake>(); }, .can_lose_memory = false},
      {.name = "EtcdV3", .start = [] { return std::make_unique<Etcd>(); }},
  };
}

}  // namespace deimos

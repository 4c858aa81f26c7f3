// Watching a lock from outside: who holds it, who waits, and how each hold ends.
//
//     watch_demo [http://HOST:PORT]
#include <chrono>
#include <exception>
#include <iostream>
#include <latch>
#include <thread>

#include <deimos/client.h>
#include <deimos/lock_manager.h>

#include "example_node.h"

namespace {

using namespace std::chrono_literals;
constexpr deimos::MutexOptions fair{.fairness = deimos::Fairness::fair};

void watch(const deimos::Client& client) {
  deimos::LockManager alice(client, {.prefix = "/example/watched", .owner = "alice"});
  deimos::LockManager bob(client, {.prefix = "/example/watched", .owner = "bob"});
  deimos::LockManager dashboard(client, {.prefix = "/example/watched", .owner = "dashboard"});

  std::stop_source enough;
  int ended = 0;
  std::latch watching(1);
  std::jthread observer([&] {
    const auto on_change = [&](const deimos::LockChange& change) {
      std::cout << change.lock.name << ": " << to_string(change.kind) << " by " << change.lock.owner << std::endl;
      if (change.kind == deimos::LockChange::Kind::acquired && change.lock.name == "ready") watching.count_down();
      if (change.kind == deimos::LockChange::Kind::released && ++ended == 2) enough.request_stop();
    };
    // Blocks until it is told to stop, or cannot go on.
    (void)dashboard.observe(on_change, enough.get_token());
  });

  const auto ready = dashboard.mutex("ready").acquire().value();
  watching.wait();  // What is held at the beginning is told first.

  auto first = alice.mutex("reports", fair).acquire().value();
  std::jthread second([&] { (void)bob.mutex("reports", fair).acquire().value(); });
  while (dashboard.line("reports").value().size() < 2) std::this_thread::sleep_for(5ms);
  first.release().value();
}

}  // namespace

int main(int argc, char** argv) try {
  const example::Node node(argc, argv);
  watch(deimos::Client({.endpoints = {node.url()}}));
  return 0;
} catch (const std::exception& failure) {
  return example::failed(failure);
}

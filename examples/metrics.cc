// Figures of what locks do, as Prometheus reads them: what this prints is what a service would answer under /metrics.
//
//     metrics [http://HOST:PORT]
#include <chrono>
#include <exception>
#include <iostream>

#include <deimos/client.h>
#include <deimos/lock_manager.h>
#include <deimos/lock_metrics.h>

#include "example_node.h"

namespace {

using namespace std::chrono_literals;

void work(const deimos::Client& client, const deimos::LockMetrics& metrics) {
  deimos::LockManager locks(client, {.prefix = "/example/metrics", .on_event = metrics.on_event()});
  deimos::LockManager theirs(client, {.prefix = "/example/metrics"});

  for (int night = 0; night < 3; ++night) {
    (void)locks.mutex("nightly").acquire().value();  // Given back at the end of the line.
  }
  const auto busy = theirs.mutex("monthly").acquire().value();
  if (locks.mutex("monthly").acquire({.wait = 50ms})) std::cerr << "two hold one lock\n";

  const auto held = locks.mutex("nightly").acquire().value();
  std::cout << deimos::prometheus_text(metrics.figures());
}

}  // namespace

int main(int argc, char** argv) try {
  const example::Node node(argc, argv);
  const deimos::LockMetrics metrics;
  work(deimos::Client({.endpoints = {node.url()}, .observer = metrics.observer()}), metrics);
  return 0;
} catch (const std::exception& failure) {
  return example::failed(failure);
}

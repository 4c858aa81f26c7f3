// Keys that live for a time: kept alive by writing them anew, gone when nobody does.
//
//     ttl [http://HOST:PORT]
#include <chrono>
#include <exception>
#include <iostream>
#include <thread>

#include <deimos/client.h>

#include "example_node.h"

int main(int argc, char** argv) try {
  using namespace std::chrono_literals;
  const example::Node node(argc, argv);
  const deimos::Client client({.endpoints = {node.url()}});

  client.set("/example/worker", "alive", {.ttl = 2s}).value();
  deimos::Watch watch = client.watch("/example/worker");

  for (int beat = 1; beat <= 3; ++beat) {
    std::this_thread::sleep_for(300ms);
    // The TTL goes with each write: one without would make the key permanent.
    const auto renewed = client.update("/example/worker", "alive", {.ttl = 2s}).value();
    std::cout << "heartbeat " << beat << ": " << renewed.node.ttl->count() << " s to live\n";
  }
  std::cout << "no more heartbeats\n" << std::flush;

  for (const deimos::Event& event : watch) {
    if (event.action != deimos::Action::expire) continue;
    std::cout << "the key has expired; it was " << *event.prev_node->value << '\n';
    break;
  }
  std::cout << "still there: " << std::boolalpha << client.get("/example/worker").has_value() << '\n';
  return 0;
} catch (const std::exception& failure) {
  return example::failed(failure);
}

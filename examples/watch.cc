// Watching a tree while another writes to it: every change once, in order, whatever the network does meanwhile.
//
//     watch [http://HOST:PORT]
#include <exception>
#include <iostream>
#include <thread>

#include <deimos/client.h>

#include "example_node.h"

int main(int argc, char** argv) try {
  const example::Node node(argc, argv);
  const deimos::Client client({.endpoints = {node.url()}});

  // Made first, so that nothing written from here on is missed.
  deimos::Watch watch = client.watch("/example", {.recursive = true});
  const std::jthread writer([&] {
    client.set("/example/rate", "100").value();
    client.update("/example/rate", "200").value();
    client.set("/example/done", "").value();
    client.remove("/example", {.recursive = true}).value();
  });
  for (const deimos::Event& event : watch) {
    std::cout << deimos::to_string(event.action) << ' ' << event.node.key << " = " << event.node.value.value_or("-");
    if (event.prev_node) std::cout << ", was " << event.prev_node->value.value_or("-");
    std::cout << '\n';
    if (event.is_removal()) break;
  }
  if (!watch.error()) return 0;
  std::cerr << watch.error()->describe() << '\n';
  return 1;
} catch (const std::exception& failure) {
  return example::failed(failure);
}

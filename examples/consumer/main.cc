// The least that uses each of the three libraries: a client and a fake node, with an hour that takes no time.
#include <chrono>
#include <iostream>
#include <memory>

#include <deimos/client.h>
#include <deimos/fake/in_process_transport.h>
#include <deimos/testkit/virtual_runtime.h>
#include <deimos/version.h>

int main() {
  using namespace std::chrono_literals;
  const auto runtime = std::make_shared<deimos::testkit::VirtualRuntime>();
  deimos::fake::Node node;
  const auto network = std::make_shared<deimos::fake::InProcessTransport>(*runtime, node);
  const deimos::Client client({.endpoints = {"http://127.0.0.1:4001"}, .runtime = runtime, .transport = network});

  if (!client.set("/greeting", "hello", {.ttl = 1h})) return 1;
  runtime->sleep_for(1h);
  node.advance(1h + 1s);
  if (client.get("/greeting").error().code != deimos::errc::key_not_found) return 1;
  std::cout << "deimos " << deimos::version() << ": the greeting lived for an hour\n";
}

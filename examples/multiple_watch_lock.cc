// Several services wait for the same few locks, and one program sees all of it: locks under a prefix, observed
// together.
//
//     multiple_watch_lock [http://HOST:PORT]
#include <chrono>
#include <exception>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <deimos/client.h>
#include <deimos/lock_manager.h>

#include "example_node.h"

namespace {

using namespace std::chrono_literals;

/// Takes each lock once, in an order of its own.
void serve(const deimos::Client& client, int service, const std::vector<std::string>& names) {
  deimos::LockManager locks(client, {.prefix = "/example/many", .owner = "service-" + std::to_string(service)});
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names[(i + static_cast<std::size_t>(service)) % names.size()];
    const auto hold = locks.mutex(name).acquire({.wait = 30s}).value();
    std::this_thread::sleep_for(5ms);  // The work.
  }
}

void observe_all(const deimos::Client& client) {
  const std::vector<std::string> names = {"billing", "mail", "reports"};
  deimos::LockManager locks(client, {.prefix = "/example/many"});
  std::stop_source enough;
  std::map<std::string, int> acquired;
  int released = 0;
  bool two_at_once = false;
  std::map<std::string, bool> held;
  std::vector<std::jthread> services;
  const auto ready = locks.mutex("ready").acquire().value();
  (void)locks.observe(
      [&](const deimos::LockChange& change) {
        if (change.lock.name ==
            "ready") {  // What is held at the beginning is told first: from now on nothing is missed.
          for (int service = 0; service < 4; ++service) {
            services.emplace_back([&client, &names, service] { serve(client, service, names); });
          }
          return;
        }
        bool& is_held = held[change.lock.name];
        if (change.kind == deimos::LockChange::Kind::acquired) {
          two_at_once = two_at_once || is_held;
          is_held = true;
          ++acquired[change.lock.name];
        } else {
          is_held = false;
          if (++released == 12) enough.request_stop();
        }
      },
      enough.get_token());
  for (const auto& [name, times] : acquired) std::cout << name << " was acquired " << times << " times\n";
  std::cout << "and never by two at once: " << std::boolalpha << !two_at_once << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  const example::Node node(argc, argv);
  observe_all(deimos::Client({.endpoints = {node.url()}}));
  return 0;
} catch (const std::exception& failure) {
  return example::failed(failure);
}

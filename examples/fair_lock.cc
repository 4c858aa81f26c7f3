// A fair lock: whoever lined up first is next, over all processes.
//
//     fair_lock [http://HOST:PORT]
#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <deimos/client.h>
#include <deimos/lock_manager.h>

#include "example_node.h"

namespace {

using namespace std::chrono_literals;
constexpr deimos::MutexOptions fair{.fairness = deimos::Fairness::fair};

/// Returns when so many hold the lock or wait for it.
void wait_for_line(const deimos::LockManager& locks, std::size_t length) {
  while (locks.line("printer").value().size() < length) std::this_thread::sleep_for(5ms);
}

void print_in_turn(const deimos::Client& client) {
  deimos::LockManager office(client, {.prefix = "/example/fair", .owner = "office"});
  auto first = office.mutex("printer", fair).acquire().value();

  // Each of them is a process of its own in real life: so each has a manager of its own here.
  std::vector<std::jthread> others;
  std::size_t line = 1;
  for (const char* name : {"alice", "bob", "carol"}) {
    others.emplace_back([&client, name] {
      deimos::LockManager locks(client, {.prefix = "/example/fair", .owner = name});
      const auto hold = locks.mutex("printer", fair).acquire().value();
      std::cout << name << " prints" << std::endl;
    });
    wait_for_line(office, ++line);
  }

  const std::vector<deimos::LockInfo> in_line = office.line("printer").value();
  for (const deimos::LockInfo& info : in_line) {
    std::cout << info.owner << (info.waiting ? " waits" : " has the printer") << '\n';
  }
  first.release().value();
}

}  // namespace

int main(int argc, char** argv) try {
  const example::Node node(argc, argv);
  print_in_turn(deimos::Client({.endpoints = {node.url()}}));
  return 0;
} catch (const std::exception& failure) {
  return example::failed(failure);
}

// Several locks at once, all of them or none: a transfer between accounts, in whatever order they are named.
//
//     multi_lock [http://HOST:PORT]
#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <deimos/client.h>
#include <deimos/lock_manager.h>
#include <deimos/multi_lock.h>

#include "example_node.h"

namespace {

using namespace std::chrono_literals;

/// What the locks protect. In real life in some database.
std::array<std::atomic<int>, 3> accounts{{{100}, {100}, {100}}};

void transfer(const deimos::LockManager& locks, std::size_t from, std::size_t to) {
  const deimos::MultiLock both{locks.mutex(std::to_string(from)), locks.mutex(std::to_string(to))};
  const auto hold = both.acquire({.wait = 30s}).value();
  accounts[from] = accounts[from] - 1;
  accounts[to] = accounts[to] + 1;
}

void transfer_in_circles(const deimos::Client& client) {
  std::vector<std::jthread> tellers;
  for (std::size_t teller = 0; teller < 3; ++teller) {
    tellers.emplace_back([&client, teller] {
      deimos::LockManager locks(client, {.prefix = "/example/accounts"});
      // Taken one after the other, three in a circle would wait for each other for ever.
      for (int i = 0; i < 10; ++i) transfer(locks, teller, (teller + 1) % 3);
    });
  }
}

}  // namespace

int main(int argc, char** argv) try {
  const example::Node node(argc, argv);
  const deimos::Client client({.endpoints = {node.url()}});
  transfer_in_circles(client);
  for (const auto& account : accounts) std::cout << account << '\n';

  deimos::LockManager locks(client, {.prefix = "/example/accounts"});
  deimos::LockManager rival(client, {.prefix = "/example/accounts"});
  const auto one = rival.mutex("2").acquire().value();
  const deimos::MultiLock all{locks.mutex("0"), locks.mutex("1"), locks.mutex("2")};
  std::cout << "all three, while another has one: " << all.acquire({.wait = 100ms}).error().code.message() << '\n';
  std::cout << "and the first is kept locked: " << std::boolalpha << locks.is_locked("0").value() << '\n';
  return 0;
} catch (const std::exception& failure) {
  return example::failed(failure);
}

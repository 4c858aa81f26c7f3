// A semaphore: at most so many at a time, over all processes; and how the number is changed while it is in use.
//
//     semaphore [http://HOST:PORT]
#include <atomic>
#include <chrono>
#include <exception>
#include <iostream>
#include <thread>
#include <vector>

#include <deimos/client.h>
#include <deimos/lock_manager.h>

#include "example_node.h"

namespace {

using namespace std::chrono_literals;
constexpr deimos::SemaphoreOptions three{.permits = 3};

void download(const deimos::LockManager& locks, std::atomic<int>& at_once, std::atomic<int>& most) {
  const auto permit = locks.semaphore("downloads", three).acquire().value();
  const int now = ++at_once;
  for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
  }
  std::this_thread::sleep_for(20ms);  // The download.
  --at_once;
}

void use(deimos::LockManager& locks) {
  std::atomic<int> at_once = 0;
  std::atomic<int> most = 0;
  {
    std::vector<std::jthread> downloads;
    for (int i = 0; i < 10; ++i) downloads.emplace_back([&] { download(locks, at_once, most); });
  }
  std::cout << "ten downloads, and never more than three at once: " << std::boolalpha << (most <= 3) << '\n';

  const deimos::Semaphore semaphore = locks.semaphore("downloads", three);
  const auto all = semaphore.acquire(3).value();
  std::cout << "one more: " << semaphore.acquire(1, {.wait = 0s}).error().code.message() << '\n';
  // From any process, for all of them.
  if (const auto done = semaphore.resize(5); !done) throw deimos::LockError(done.error());
  const auto two = semaphore.acquire(2, {.wait = 1s});
  std::cout << "two more, now that there are five: " << two.has_value() << '\n';
  std::cout << "another that believes in four: "
            << locks.semaphore("downloads", {.permits = 4}).acquire(1, {.wait = 0s}).error().code.message() << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  const example::Node node(argc, argv);
  const deimos::Client client({.endpoints = {node.url()}});
  deimos::LockManager locks(client, {.prefix = "/example/semaphore"});
  use(locks);
  return 0;
} catch (const std::exception& failure) {
  return example::failed(failure);
}

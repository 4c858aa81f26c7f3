// A distributed lock in the ways there are to take it: the standard's wrappers, with a limit to the wait, one try, and
// around a function.
//
//     lock_basic [http://HOST:PORT]
#include <chrono>
#include <exception>
#include <iostream>
#include <mutex>
#include <string>

#include <deimos/client.h>
#include <deimos/lock_manager.h>

#include "example_node.h"

namespace {

using namespace std::chrono_literals;

void take_it_in_every_way(deimos::LockManager& ours, deimos::LockManager& theirs) {
  const deimos::Mutex mutex = ours.mutex("reports");
  std::uint64_t first_token = 0;
  {
    const std::scoped_lock held(mutex);
    first_token = mutex.fencing_token();
    std::cout << "held: " << std::boolalpha << mutex.is_held() << '\n';

    const auto refused = theirs.mutex("reports").acquire({.wait = 100ms});
    std::cout << "meanwhile, for another: " << refused.error().code.message() << '\n';

    const auto info = theirs.info("reports").value();
    std::cout << "the owner is " << info->owner << '\n';
  }  // Released here.

  // The rich way: says how it went, and stands for one acquisition.
  if (auto hold = theirs.mutex("reports").acquire({.wait = 5s})) {
    std::cout << "now the other has it, with a higher token: " << (hold->fencing_token() > first_token) << '\n';
    // Work that checks hold->lost() now and then, and hands the token to whatever it changes, is safe.
    std::cout << "released: " << (hold->release().value() == deimos::Release::freed) << '\n';
  }

  const auto sum = ours.with_lock("reports", [] { return 40 + 2; });
  std::cout << "computed under the lock: " << sum.value() << '\n';

  std::cout << "still locked: " << ours.is_locked("reports").value() << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  const example::Node node(argc, argv);
  const deimos::Client client({.endpoints = {node.url()}});
  deimos::LockManager ours(client, {.prefix = "/example/locks", .ttl = 10s, .owner = "alice"});
  deimos::LockManager theirs(client, {.prefix = "/example/locks", .ttl = 10s, .owner = "bob"});
  take_it_in_every_way(ours, theirs);
  return 0;
} catch (const std::exception& failure) {
  return example::failed(failure);
}

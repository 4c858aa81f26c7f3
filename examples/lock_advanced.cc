// What else a lock can be told: how long it lives, who asks, when it is renewed, and who hears that it is lost.
//
//     lock_advanced [http://HOST:PORT]
#include <chrono>
#include <exception>
#include <future>
#include <iostream>
#include <stop_token>
#include <string>

#include <deimos/client.h>
#include <deimos/lock_manager.h>

#include "example_node.h"

namespace {

using namespace std::chrono_literals;

void tune(deimos::LockManager& ours, deimos::LockManager& theirs) {
  const deimos::Mutex mutex = ours.mutex("nightly");
  std::cout << std::boolalpha;

  // A lease of its own length, renewed by hand instead of in the background.
  {
    const auto hold = mutex.acquire({.ttl = 5s, .auto_renew = false}).value();
    const auto before = hold.expires_at();
    std::cout << "renewed by hand: " << (hold.renew().has_value() && hold.expires_at() > before) << '\n';
  }

  // Owners that are no threads: requests of a server, say. The same owner holds it once more, another waits.
  {
    const auto first = mutex.acquire({.owner = 7}).value();
    const auto again = mutex.acquire({.owner = 7}).value();
    std::cout << "the same owner, once more: " << (again.fencing_token() == first.fencing_token()) << '\n';
    std::cout << "another owner: " << mutex.acquire({.wait = 0s, .owner = 8}).error().code.message() << '\n';
    std::cout << "not once more: " << mutex.acquire({.wait = 0s, .owner = 7, .reentrant = false}).error().code.message()
              << '\n';
  }

  // A wait that gives up after so many looks, or when it is cancelled.
  const auto theirs_now = theirs.mutex("nightly").acquire().value();
  std::cout << "after two tries: " << mutex.acquire({.max_retries = 1, .retry_interval = 20ms}).error().code.message()
            << '\n';
  std::stop_source cancel;
  cancel.request_stop();
  std::cout << "cancelled: " << mutex.acquire({}, cancel.get_token()).error().code.message() << '\n';

  // Asked, politely, to let go: a holder that listens finishes what it is at, and releases.
  {
    auto busy = ours.mutex("asked").acquire().value();
    std::promise<void> asked;
    const std::stop_callback listener(busy.asked_to_release(), [&] { asked.set_value(); });
    (void)theirs.ask_to_release("asked", {.reason = "a rollout begins", .within = 10s}).value();
    asked.get_future().get();
    std::cout << "asked to release, because " << busy.release_request()->reason << '\n';
    (void)busy.release();
  }

  // Told of a loss, in two ways: here an administrator takes the lock away.
  std::promise<std::string> why;
  const auto watched =
      ours.mutex("watched").acquire({.on_lost = [&](const deimos::Error& error) { why.set_value(error.message); }});
  (void)ours.force_unlock("watched").value();
  std::cout << "lost: " << why.get_future().get() << '\n';
  std::cout << "and its stop_token says so: " << watched->lost().stop_requested() << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  const example::Node node(argc, argv);
  const deimos::Client client({.endpoints = {node.url()}});
  deimos::LockManager ours(client, {.prefix = "/example/advanced"});
  deimos::LockManager theirs(client, {.prefix = "/example/advanced"});
  tune(ours, theirs);
  return 0;
} catch (const std::exception& failure) {
  return example::failed(failure);
}

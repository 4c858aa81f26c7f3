// What no lock can prevent, and what does: a holder that stood still writes after the next one.
//
//     fencing [http://HOST:PORT]
#include <chrono>
#include <exception>
#include <iostream>
#include <string>

#include <deimos/client.h>
#include <deimos/fenced_key.h>
#include <deimos/fencing_guard.h>
#include <deimos/lock_manager.h>

#include "example_node.h"

namespace {

using namespace std::chrono_literals;

/// A resource of your own, which remembers who was here last.
class Ledger {
 public:
  deimos::Result<void> append(std::uint64_t fencing_token, const std::string& line) {
    return guard_.run(fencing_token, [&](std::uint64_t) { std::cout << "ledger: " << line << '\n'; });
  }

 private:
  deimos::FencingGuard guard_;
};

void write_too_late(const deimos::Client& client) {
  deimos::LockManager slow(client, {.prefix = "/example/fencing", .ttl = 30s});
  deimos::LockManager next(client, {.prefix = "/example/fencing", .ttl = 30s});
  Ledger ledger;
  const deimos::FencedKey state(client, "/example/state");

  const auto old_hold = slow.mutex("ledger").acquire().value();
  (void)ledger.append(old_hold.fencing_token(), "the first holder");
  state.write(old_hold.fencing_token(), "first").value();

  // It stands still until its lease is over: here an administrator takes the lock from it.
  next.force_unlock("ledger").value();
  const auto new_hold = next.mutex("ledger").acquire().value();
  (void)ledger.append(new_hold.fencing_token(), "the second holder");
  state.write(new_hold.fencing_token(), "second").value();

  // It goes on where it was, and does not know yet.
  const auto late = ledger.append(old_hold.fencing_token(), "the first holder again");
  std::cout << "too late for the ledger: " << late.error().code.message() << '\n';
  const auto late_too = state.write(old_hold.fencing_token(), "first again");
  std::cout << "too late for the store: " << late_too.error().code.message() << '\n';
  std::cout << "what is stored: " << state.read().value()->text << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  const example::Node node(argc, argv);
  write_too_late(deimos::Client({.endpoints = {node.url()}}));
  return 0;
} catch (const std::exception& failure) {
  return example::failed(failure);
}

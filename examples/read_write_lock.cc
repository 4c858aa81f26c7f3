// A shared mutex: readers together, writers alone; and a writer that becomes a reader without letting go.
//
//     read_write_lock [http://HOST:PORT]
#include <chrono>
#include <exception>
#include <iostream>
#include <mutex>
#include <shared_mutex>

#include <deimos/client.h>
#include <deimos/lock_manager.h>

#include "example_node.h"

namespace {

using namespace std::chrono_literals;

void read_and_write(deimos::LockManager& ours, deimos::LockManager& theirs) {
  const deimos::SharedMutex mutex = ours.shared_mutex("price-list");
  const deimos::SharedMutex rival = theirs.shared_mutex("price-list");
  std::cout << std::boolalpha;
  {
    // The standard's wrappers work.
    const std::shared_lock reading(mutex);
    const std::shared_lock reading_too(rival, 1s);
    std::cout << "two read at once: " << reading_too.owns_lock() << '\n';
    const std::unique_lock writing(rival, std::try_to_lock);
    std::cout << "and one of them may write: " << writing.owns_lock() << '\n';
  }

  deimos::Hold writer = mutex.acquire().value();
  std::cout << "while one writes, another may read: " << rival.try_lock_shared() << '\n';

  // From here on it only reads what it has written. Nobody could have changed it in between.
  if (const auto done = writer.downgrade(); !done) throw deimos::LockError(done.error());
  const auto reader = rival.acquire_shared({.wait = 5s}).value();
  std::cout << "now they read together: " << (writer.is_held() && reader.is_held()) << '\n';
  std::cout << "the token of the writer stays lower: " << (writer.fencing_token() < reader.fencing_token()) << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  const example::Node node(argc, argv);
  const deimos::Client client({.endpoints = {node.url()}});
  deimos::LockManager ours(client, {.prefix = "/example/shared", .owner = "alice"});
  deimos::LockManager theirs(client, {.prefix = "/example/shared", .owner = "bob"});
  read_and_write(ours, theirs);
  return 0;
} catch (const std::exception& failure) {
  return example::failed(failure);
}

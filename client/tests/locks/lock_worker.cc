// lock_worker FILE URL...: works under the lock `guarded` for ever, and writes down each step of its work: one line of
// the fencing token and its process, in one write.
//
// A process of its own, to be killed and stopped at any instant: see lock_processes_test.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <deimos/client.h>
#include <deimos/lock_manager.h>

namespace {

using namespace std::chrono_literals;

void work(int file, std::vector<std::string> urls) {
  const std::string me = std::to_string(getpid());
  const deimos::Client client({.endpoints = std::move(urls)});
  deimos::LockManager locks(client, {.ttl = 1s, .request_timeout = 2s, .owner = me});
  for (;;) {
    const auto hold = locks.mutex("guarded").acquire();
    if (!hold) throw std::runtime_error(hold.error().describe());
    const std::string line = std::to_string(hold->fencing_token()) + ' ' + me + '\n';
    for (int step = 0; step < 20 && hold->is_held(); ++step) {
      if (write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) return;
      std::this_thread::sleep_for(5ms);  // NOLINT(sleep)
    }
  }
}

}  // namespace

int main(int argc, char** argv) try {
  const int file = argc >= 3 ? open(argv[1], O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
  if (file < 0) {
    std::cerr << "lock_worker FILE URL...\n";
    return 2;
  }
  work(file, {argv + 2, argv + argc});
  return 1;
} catch (const std::exception& failure) {
  std::cerr << "lock_worker: " << failure.what() << '\n';
  return 1;
}

// One counter, several processes: each adds to it under the lock, and no addition is lost.
//
//     distributed_lock [http://HOST:PORT]      starts itself again as its own workers
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <deimos/client.h>
#include <deimos/lock_manager.h>

#include "example_node.h"

namespace {

using namespace std::chrono_literals;

constexpr int workers = 3;
constexpr int additions = 10;

int counter_of(const deimos::Client& client) { return std::stoi(*client.get("/example/counter").value().node.value); }

/// What each process does: read, add one, write. Without the lock two of them would write the same number.
void count_up(const deimos::Client& client) {
  deimos::LockManager locks(client, {.prefix = "/example/distributed", .owner = "pid-" + std::to_string(getpid())});
  for (int i = 0; i < additions; ++i) {
    const auto hold = locks.mutex("counter").acquire({.wait = 30s}).value();
    client.set("/example/counter", std::to_string(counter_of(client) + 1)).value();
  }
}

/// A new process: no connection and no lock of this one goes along.
pid_t start_worker(const char* program, const std::string& url) {
  const pid_t child = fork();
  if (child != 0) return child;
  execl(program, program, url.c_str(), "worker", nullptr);
  _exit(127);
}

void run(const char* program, const std::string& url) {
  const deimos::Client client({.endpoints = {url}});
  client.set("/example/counter", "0").value();
  std::vector<pid_t> children;
  for (int i = 0; i < workers; ++i) children.push_back(start_worker(program, url));
  for (const pid_t child : children) {
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) throw std::runtime_error("a worker failed");
  }
  std::cout << workers << " processes, " << additions << " additions each: " << counter_of(client) << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc > 2) {
    count_up(deimos::Client({.endpoints = {argv[1]}}));
    return 0;
  }
  const example::Node node(argc, argv);
  run("/proc/self/exe", node.url());
  return 0;
} catch (const std::exception& failure) {
  return example::failed(failure);
}

// A service that gives its lock back when it is told to end: SIGTERM or SIGINT.
//
//     auto_release [http://HOST:PORT]      without a URL it sends SIGTERM to itself
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <exception>
#include <future>
#include <iostream>
#include <stop_token>
#include <thread>

#include <deimos/client.h>
#include <deimos/lock_manager.h>

#include "example_node.h"

namespace {

using namespace std::chrono_literals;

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

/// Works under the lock until it is told to end, or the lock is lost.
void serve(deimos::LockManager& locks, const std::stop_token& end, std::promise<void>& begun) {
  const auto hold = locks.mutex("service").acquire({}, end);
  begun.set_value();
  if (!hold) {
    std::cout << "not today: " << hold.error().code.message() << '\n';
    return;
  }
  std::cout << "at work" << std::endl;
  while (!end.stop_requested() && !hold->lost().stop_requested()) std::this_thread::sleep_for(10ms);
  std::cout << "stopped, and giving the lock back" << std::endl;
}  // Released here, whichever way it was left.

}  // namespace

int main(int argc, char** argv) try {
  // Before any thread is started: so that all of them leave these signals to the one that waits for them.
  const sigset_t signals = ending_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const example::Node node(argc, argv);
  deimos::LockManager locks(deimos::Client({.endpoints = {node.url()}}), {.prefix = "/example/release"});
  std::promise<void> begun;
  std::jthread service([&](const std::stop_token& end) { serve(locks, end, begun); });
  if (argc < 2) {
    begun.get_future().wait();
    kill(getpid(), SIGTERM);
  }
  int signal = 0;
  sigwait(&signals, &signal);
  service.request_stop();
  service.join();
  std::cout << "locked: " << std::boolalpha << locks.is_locked("service").value() << '\n';
  return 0;
} catch (const std::exception& failure) {
  return example::failed(failure);
}

// Leader election: one instance works, the others stand by, and everybody can know who it is.
//
//     leader_election [http://HOST:PORT]
#include <atomic>
#include <chrono>
#include <exception>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <deimos/client.h>
#include <deimos/lock_manager.h>

#include "example_node.h"

namespace {

using namespace std::chrono_literals;

/// Prints whole lines, whoever calls.
void say(const std::string& line) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::cout << line << std::endl;
}

/// Whose turn it was so far, and is at work.
std::atomic<int> terms = 0;

/// One instance of a service: leads when its turn comes, until it is told to stop.
void run_instance(const deimos::Client& client, const std::string& name, const std::stop_token& stop) {
  deimos::LockManager locks(client, {.prefix = "/example/election", .owner = name});
  const auto lead = [&](const std::stop_token& no_longer) {
    ++terms;
    // Triggered when the leadership is lost, and when the instance is to stop. Only when this returns is it resigned.
    while (!no_longer.stop_requested()) std::this_thread::sleep_for(10ms);
    say(name + " has stopped its work");
  };
  (void)locks.election("primary").run_while_leader(lead, stop, name + ".example.com:4711");
}

void hand_over(const deimos::Client& client) {
  deimos::LockManager locks(client, {.prefix = "/example/election"});
  std::jthread first([&](const std::stop_token& stop) { run_instance(client, "alpha", stop); });
  while (!locks.election("primary").leader().value()) std::this_thread::sleep_for(5ms);
  std::jthread second([&](const std::stop_token& stop) { run_instance(client, "beta", stop); });
  while (locks.line("primary").value().size() < 2) std::this_thread::sleep_for(5ms);

  // A client of the service, which only wants to know where it is.
  std::stop_source enough;
  (void)locks.election("primary").observe(
      [&](const std::optional<deimos::Leader>& leader) {
        say(leader ? "the leader is at " + leader->message : "nobody leads");
        if (!leader) {
          enough.request_stop();
          return;
        }
        const bool is_first = leader->owner == "alpha";
        // The store knows that it is somebody's turn a little before they do.
        while (terms < (is_first ? 1 : 2)) std::this_thread::sleep_for(5ms);
        (is_first ? first : second).request_stop();
      },
      enough.get_token());
}

}  // namespace

int main(int argc, char** argv) try {
  const example::Node node(argc, argv);
  hand_over(deimos::Client({.endpoints = {node.url()}}));
  return 0;
} catch (const std::exception& failure) {
  return example::failed(failure);
}

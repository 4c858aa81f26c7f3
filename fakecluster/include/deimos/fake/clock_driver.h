// Runs a node on a clock that moves by itself.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include <deimos/fake/node.h>

namespace deimos::fake {

/// Calls Node::run_due() whenever something is due, from a thread of its own, until it is destroyed (at once). For a
/// node that was given a SystemClock; a node with a manual clock is moved by Node::advance() instead. The node must
/// outlive it.
class ClockDriver {
 public:
  explicit ClockDriver(Node& node);

 private:
  void run(const std::stop_token& stop);

  Node& node_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // Last: it uses the others.
};

}  // namespace deimos::fake

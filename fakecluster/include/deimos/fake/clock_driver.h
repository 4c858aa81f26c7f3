// Runs a cluster on a clock that moves by itself.
#pragma once

#include <condition_variable>
#include <memory>
#include <thread>

#include <deimos/fake/cluster.h>
#include <deimos/fake/node.h>
#include <deimos/internal/export.h>
#include <deimos/internal/local_mutex.h>

namespace deimos::fake {

/// Calls run_due() whenever something is due, from a thread of its own, until it is destroyed (at once). For a cluster
/// (or a node by itself) that was given a SystemClock; one with a manual clock is moved by advance() instead. Must not
/// outlive it, and takes its on_due_sooner() for itself.
class DEIMOS_EXPORT ClockDriver {
 public:
  explicit ClockDriver(Node& node);
  explicit ClockDriver(Cluster& cluster);
  ~ClockDriver();
  ClockDriver(const ClockDriver&) = delete;
  ClockDriver& operator=(const ClockDriver&) = delete;

 private:
  explicit ClockDriver(std::shared_ptr<ClusterCore> core);
  void run(const std::stop_token& stop);

  const std::shared_ptr<ClusterCore> core_;
  internal::LocalMutex mutex_;
  std::condition_variable_any wake_;
  bool sooner_ DEIMOS_GUARDED_BY(mutex_) = false;
  std::jthread thread_;  // Last: it uses the others.
};

}  // namespace deimos::fake

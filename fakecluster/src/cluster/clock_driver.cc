#include <deimos/fake/clock_driver.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "cluster/cluster_core.h"

namespace deimos::fake {
namespace {

/// The wall clock may be set, which nobody tells us.
constexpr std::chrono::milliseconds longest_wait{500};

}  // namespace

ClockDriver::ClockDriver(Node& node) : ClockDriver(node.core_) {}

ClockDriver::ClockDriver(Cluster& cluster) : ClockDriver(cluster.core_) {}

ClockDriver::ClockDriver(std::shared_ptr<ClusterCore> core) : core_(std::move(core)) {
  core_->on_due_sooner([this](Instant) {
    const internal::LocalMutexLock lock(mutex_);
    sooner_ = true;
    wake_.notify_one();
  });
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

ClockDriver::~ClockDriver() { core_->on_due_sooner(nullptr); }

void ClockDriver::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Instant now = core_->now();
    const Instant due = core_->next_due();
    if (due <= now) {
      core_->run_due();
      continue;
    }
    // The cluster is not called while the mutex is held: it calls us with its own.
    internal::LocalMutexLock lock(mutex_);
    wake_.wait_for(lock, stop, std::min<std::chrono::nanoseconds>(due - now, longest_wait), [this] {
      mutex_.assert_held();
      return sooner_;
    });
    sooner_ = false;
  }
}

}  // namespace deimos::fake

// The beginning and the end of every public call of a ClusterCore.
#pragma once

#include <mutex>

#include "cluster/cluster_core.h"

namespace deimos::fake {

class ClusterCore::Call {
 public:
  explicit Call(ClusterCore& core) : core_(core), lock_(core.mutex_) {}
  ~Call() {
    if (!core_.wake_) return;
    const Instant due = core_.next_due_locked();
    if (due < core_.announced_due_) core_.wake_(due);
    core_.announced_due_ = due;
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  ClusterCore& core_;
  const internal::LocalMutexLock lock_;
};

}  // namespace deimos::fake

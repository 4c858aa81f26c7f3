// What a ClusterCore keeps to itself: the span of a public call.
#pragma once

#include "cluster/cluster_core.h"

namespace deimos::fake {

/// The mutex for the length of a public call, which then tells whoever keeps time if something is due sooner, and
/// whoever waits to look again.
class DEIMOS_THREAD_ANNOTATION(scoped_lockable) ClusterCore::Call {
 public:
  explicit Call(ClusterCore& core) DEIMOS_THREAD_ANNOTATION(acquire_capability(core.mutex_))
      : core_(core), lock_(core.mutex_) {}
  ~Call() DEIMOS_THREAD_ANNOTATION(release_capability()) {
    if (core_.waiters_ != 0) core_.changed_.notify_all();
    if (!core_.wake_) return;
    const Instant due = core_.first_due();
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

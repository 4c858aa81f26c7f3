// Finds out in the background which endpoints work, so that no user's call has to.
//
// An endpoint that is down is asked now and then whether it is back. One that lets calls wait and answers none is asked
// too; if it does not answer that either, while another endpoint does, it hangs: what waits for it is ended. (While no
// endpoint answers, the cluster elects a leader, or nothing can be known: then calls wait as they were told to.)
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include <deimos/internal/local_mutex.h>
#include <deimos/runtime.h>

#include "calls/endpoint_set.h"
#include "runtime/wakeup_timer.h"

namespace deimos {

/// Thread-safe. Its task starts when it is first needed: never for a client of a single endpoint.
class HealthCheck {
 public:
  struct Callbacks {
    /// A short read of that endpoint; why it was not answered, if it was not. Blocks.
    std::function<Verdict(const std::string& url, const std::stop_token& stop)> probe;
    /// The endpoint was taken out of use or put back.
    std::function<void(const std::string& url, bool up, const std::string& reason)> changed;
  };

  HealthCheck(Runtime& runtime, EndpointSet& endpoints, Callbacks callbacks);

  /// There may be something to check at `when`; TimePoint::max(): nothing. The task keeps `self`, which owns this,
  /// alive.
  void consider(TimePoint when, const std::shared_ptr<void>& self);
  /// Asks the task to end …
  void request_stop() noexcept;
  /// … and waits for it, but not from within itself.
  void stop() noexcept;

 private:
  void start(const std::shared_ptr<void>& self);
  void run(const std::stop_token& ending);
  void check(const EndpointSet::Check& check, const std::stop_token& stop);
  [[nodiscard]] bool another_answers(const EndpointSet::Check& check, const std::stop_token& stop) const;

  Runtime& runtime_;
  EndpointSet& endpoints_;
  const Callbacks callbacks_;
  WakeupTimer timer_;
  internal::LocalMutex mutex_;
  std::unique_ptr<Task> task_ DEIMOS_GUARDED_BY(mutex_);
  std::atomic<bool> started_ = false;
  std::stop_source closing_;  ///< Beside the task's own, so that no stop_callback runs under the mutex.
};

}  // namespace deimos

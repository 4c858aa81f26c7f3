// Pauses between attempts: exponential, with jitter, so that clients that failed together do not come back together.
#pragma once

#include <deimos/client_options.h>
#include <deimos/runtime.h>

namespace deimos {

/// The pauses of one call, one endpoint or one watch. Not thread-safe.
class Backoff {
 public:
  Backoff() = default;
  explicit Backoff(const RetryPolicy& policy) noexcept : policy_(policy), next_(policy.initial_backoff) {}

  /// How long to pause now; the next pause will be longer.
  [[nodiscard]] Duration pause(Runtime& runtime);
  /// It worked: begin with the shortest pause again.
  void reset() noexcept { next_ = policy_.initial_backoff; }

 private:
  RetryPolicy policy_;
  Duration next_ = policy_.initial_backoff;
};

}  // namespace deimos

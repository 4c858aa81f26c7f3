// The distributed semaphore: so many permits among all that use the same store and name.
//
// Those who wait stand in line, in the order in which they came; who is first gets in as soon as enough permits are
// free for it, and nobody before. What a process that died held is free again when its lease is over.
//
// How many permits there are is written into the store by whoever comes first, and stays there. It costs 3 requests to
// take and give back, 4 if somebody waits behind.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <deimos/error.h>
#include <deimos/hold.h>
#include <deimos/internal/export.h>
#include <deimos/lock_options.h>
#include <deimos/runtime.h>

namespace deimos {

/// A cheap handle, made by LockManager::semaphore(). Thread-safe. Every acquire() is one of its own, also of one task:
/// there is no re-entry, and AcquireOptions::owner and reentrant mean nothing.
class DEIMOS_EXPORT Semaphore {
 public:
  /// Waits for `permits` at once, as `options` say; the Hold gives them all back. Fails as Mutex::acquire().
  /// errc::lock_kind_differs: it has another number of permits than SemaphoreOptions said, and nobody has resized it;
  /// invalid_argument: more than there are, or less than 1. Fencing tokens are all different, and grow in the order in
  /// which they lined up: since several hold it at once, they fence nothing but what each holder writes of its own.
  [[nodiscard]] Result<Hold> acquire(int permits = 1, const AcquireOptions& options = {},
                                     std::stop_token stop = {}) const;
  /// From now on there are so many, whatever SemaphoreOptions say, of any process. Holders keep what they have: if it
  /// is more than that, nobody gets in until enough have gone. Blocks at most for LockOptions::request_timeout.
  /// condition::outcome_unknown: it may have been applied; doing it again is safe.
  Result<void> resize(int permits, std::stop_token stop = {}) const;

  /// Those who hold permits or wait for them, in their order. Blocks at most for LockOptions::request_timeout.
  [[nodiscard]] Result<std::vector<LockInfo>> line(std::stop_token stop = {}) const;
  [[nodiscard]] const std::string& name() const noexcept;

 private:
  friend class LockManager;
  friend class LockPart;
  Semaphore(std::string name, Result<std::shared_ptr<LocalLock>> state, SemaphoreOptions options);

  std::string name_;
  Result<std::shared_ptr<LocalLock>> state_;
  SemaphoreOptions options_;
};

}  // namespace deimos

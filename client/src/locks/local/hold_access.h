// Makes the Hold of what was acquired.
#pragma once

#include <memory>
#include <stop_token>

#include <deimos/error.h>
#include <deimos/hold.h>
#include <deimos/lock_options.h>

#include "locks/local/claim.h"
#include "locks/local/local_lock.h"
#include "locks/session/lock_acquisition.h"

namespace deimos {

class HoldAccess {
 public:
  [[nodiscard]] static Hold hold_of(std::shared_ptr<LocalLock> lock, std::shared_ptr<LockAcquisition> acquisition);
  /// As LocalLock::acquire(). A `lock` that there is none of (its name cannot be used) says so.
  [[nodiscard]] static Result<Hold> acquire(const Result<std::shared_ptr<LocalLock>>& lock, const Claim& claim,
                                            const AcquireOptions& options, const std::stop_token& stop);
};

}  // namespace deimos

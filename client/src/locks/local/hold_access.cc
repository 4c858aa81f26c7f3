#include "locks/local/hold_access.h"

#include <utility>

namespace deimos {

Hold HoldAccess::hold_of(std::shared_ptr<LocalLock> lock, std::shared_ptr<LockAcquisition> acquisition) {
  return {std::move(lock), std::move(acquisition)};
}

Result<Hold> HoldAccess::acquire(const Result<std::shared_ptr<LocalLock>>& lock, const Claim& claim,
                                 const AcquireOptions& options, const std::stop_token& stop) {
  if (!lock) return tl::unexpected<Error>(lock.error());
  LocalLock::Acquired acquired = (*lock)->acquire(claim, options, stop);
  if (!acquired) return tl::unexpected<Error>(std::move(acquired.error()));
  return hold_of(*lock, std::move(*acquired));
}

}  // namespace deimos

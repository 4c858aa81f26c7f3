#include <deimos/semaphore.h>

#include <utility>

#include "locks/admin/lock_admin.h"
#include "locks/local/hold_access.h"
#include "locks/local/local_lock.h"

namespace deimos {
namespace {

std::optional<Error> check_permits(const std::string& what, int permits) {
  constexpr int most = 1'000'000'000;
  if (permits >= 1 && permits <= most) return std::nullopt;
  return fail(errc::invalid_argument, what + " must be from 1 to 1000000000, but is " + std::to_string(permits))
      .value();
}

}  // namespace

Semaphore::Semaphore(std::string name, Result<std::shared_ptr<LocalLock>> state, SemaphoreOptions options)
    : name_(std::move(name)), state_(std::move(state)), options_(options) {
  if (auto error = check_permits("permits", options_.permits)) state_ = tl::unexpected<Error>(std::move(*error));
}

Result<Hold> Semaphore::acquire(int permits, const AcquireOptions& options, std::stop_token stop) const {
  if (auto error = check_permits("the permits asked for", permits)) return tl::unexpected<Error>(std::move(*error));
  return HoldAccess::acquire(state_, {.kind = LockKind::semaphore, .permits = permits, .limit = options_.permits},
                             options, stop);
}

Result<void> Semaphore::resize(int permits, std::stop_token stop) const {
  if (!state_) return tl::unexpected<Error>(state_.error());
  if (auto error = check_permits("permits", permits)) return tl::unexpected<Error>(std::move(*error));
  return resize_semaphore((*state_)->session(), name_, permits, std::move(stop));
}

Result<std::vector<LockInfo>> Semaphore::line(std::stop_token stop) const {
  if (!state_) return tl::unexpected<Error>(state_.error());
  return lock_line((*state_)->session(), name_, std::move(stop));
}

const std::string& Semaphore::name() const noexcept { return name_; }

}  // namespace deimos

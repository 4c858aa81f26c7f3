#include <deimos/hold.h>

#include <utility>

#include "locks/local/local_lock.h"
#include "locks/session/lock_acquisition.h"
#include "locks/session/lock_session.h"

namespace deimos {

Hold::Hold(std::shared_ptr<LocalLock> state, std::shared_ptr<LockAcquisition> acquisition) noexcept
    : state_(std::move(state)), acquisition_(std::move(acquisition)) {}

// A Hold that was moved from still has its name and answers as one that was released: so it keeps its state.
Hold::Hold(Hold&& other) noexcept
    // NOLINTNEXTLINE(performance-move-constructor-init)
    : state_(other.state_), acquisition_(other.acquisition_), released_(std::exchange(other.released_, true)) {}

Hold& Hold::operator=(Hold&& other) noexcept {
  if (this != &other) {
    Hold ended(std::move(*this));
    state_ = other.state_;
    acquisition_ = other.acquisition_;
    released_ = std::exchange(other.released_, true);
  }
  return *this;
}

Hold::~Hold() {
  if (released_) return;
  try {
    (void)release();
  } catch (...) {  // Out of memory: the lease ends by itself.
  }
}

std::uint64_t Hold::fencing_token() const noexcept { return acquisition_->fencing_token(); }

std::stop_token Hold::lost() const noexcept { return acquisition_->lost(); }

std::stop_token Hold::asked_to_release() const {
  state_->session().listen_for_requests();
  return acquisition_->asked_to_release();
}

std::optional<ReleaseRequest> Hold::release_request() const { return acquisition_->release_request(); }

bool Hold::is_held() const { return !released_ && acquisition_->is_held(); }

TimePoint Hold::expires_at() const { return acquisition_->deadline(); }

const std::string& Hold::name() const noexcept { return acquisition_->name(); }

Result<void> Hold::renew(std::stop_token stop) const {
  if (released_) return fail(errc::lock_not_held, "this hold of lock '" + name() + "' was released already");
  return state_->session().renew(acquisition_, std::move(stop));
}

void Hold::pause_renewal() const { state_->session().pause_renewal(acquisition_, true); }

void Hold::resume_renewal() const { state_->session().pause_renewal(acquisition_, false); }

Result<void> Hold::downgrade(std::stop_token stop) const {
  if (released_) return fail(errc::lock_not_held, "this hold of lock '" + name() + "' was released already");
  return state_->downgrade(acquisition_, std::move(stop));
}

Result<Release> Hold::release() {
  if (released_) return fail(errc::lock_not_held, "this hold of lock '" + name() + "' was released already");
  released_ = true;
  return state_->release(acquisition_);
}

}  // namespace deimos

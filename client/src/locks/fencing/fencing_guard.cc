#include <deimos/fencing_guard.h>

#include <string>

namespace deimos {

Result<void> FencingGuard::check_locked(std::uint64_t token) {
  if (token == 0) return fail(errc::invalid_argument, "a fencing token is not 0: the lock was not held");
  if (token < highest_) {
    return fail(errc::lock_not_held, "fencing token " + std::to_string(token) +
                                         " is of the past: " + std::to_string(highest_) + " was here");
  }
  highest_ = token;
  return {};
}

Result<void> FencingGuard::check(std::uint64_t token) {
  const internal::LocalMutexLock lock(mutex_);
  return check_locked(token);
}

bool FencingGuard::admit(std::uint64_t token) { return check(token).has_value(); }

std::uint64_t FencingGuard::highest() const {
  const internal::LocalMutexLock lock(mutex_);
  return highest_;
}

}  // namespace deimos

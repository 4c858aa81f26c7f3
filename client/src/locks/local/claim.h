// What an owner asks of a lock: of which kind it is, and what goes with that.
#pragma once

#include <string>

#include <deimos/lock_options.h>

namespace deimos {

/// A plain value.
struct Claim {
  LockKind kind = LockKind::mutex;
  int permits = 1;           ///< Of a semaphore: how many are wanted,
  int limit = 1;             ///< and how many there are.
  std::string message = {};  ///< Of an election's candidate.

  /// Whether owners of one process may hold both at once.
  [[nodiscard]] bool excludes(const Claim& other) const noexcept {
    if (kind == LockKind::semaphore) return false;
    return !(kind == LockKind::reader && other.kind == LockKind::reader);
  }
  /// Whether owners of one process ask the store one after the other: whoever is first in line here is so there.
  [[nodiscard]] bool lines_up_behind(const Claim& other) const noexcept {
    return kind == LockKind::semaphore || excludes(other);
  }
  /// Whether an owner who asks again holds it once more.
  [[nodiscard]] bool is_reentrant() const noexcept { return kind != LockKind::semaphore; }
  /// Whether who holds this has what `wanted` asks for.
  [[nodiscard]] bool covers(const Claim& wanted) const noexcept {
    return !(kind == LockKind::reader && wanted.kind == LockKind::writer);
  }
};

}  // namespace deimos

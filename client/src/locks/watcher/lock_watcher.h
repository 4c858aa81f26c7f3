// Finds out from the records below a directory, and from what happens to them, who holds which lock.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <deimos/lock_backend.h>
#include <deimos/lock_change.h>

#include "locks/session/lock_session.h"

namespace deimos {

/// Used by one task.
class LockWatcher {
 public:
  using OnChange = std::function<void(const LockChange&)>;
  LockWatcher(const LockSession& session, OnChange on_change);

  /// All that is there now: what has changed since the last reading is told.
  void read(Listing listing);
  /// One change after that; false if it cannot be understood, and all is to be read again.
  [[nodiscard]] bool changed(const Change& change);

 private:
  /// Tells what is different in the lock at `lock`; what is not there any more ended like this.
  void compare(const std::string& lock, LockChange::Kind ended);

  const LockSession& session_;
  const OnChange on_change_;
  std::map<std::string, LockRecord> records_;           ///< By their keys.
  std::map<std::string, std::vector<LockInfo>> locks_;  ///< What was told, by the keys of the locks.
};

}  // namespace deimos

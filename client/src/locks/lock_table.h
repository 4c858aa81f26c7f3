// The locks of a session by name: one local lock for each, for as long as anybody uses it.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <deimos/error.h>
#include <deimos/internal/local_mutex.h>

#include "locks/local/local_lock.h"
#include "locks/session/lock_session.h"

namespace deimos {

/// Thread-safe.
class LockTable {
 public:
  explicit LockTable(std::shared_ptr<LockSession> session) : session_(std::move(session)) {}

  [[nodiscard]] LockSession& session() const noexcept { return *session_; }
  /// The one lock of that name. errc::invalid_key; lock_kind_differs: it is in use for another kind in this process.
  [[nodiscard]] Result<std::shared_ptr<LocalLock>> lock_named(std::string_view name, LockKind kind);

 private:
  const std::shared_ptr<LockSession> session_;
  internal::LocalMutex mutex_;
  struct Known {
    LockKind kind = LockKind::mutex;
    std::weak_ptr<LocalLock> lock;
  };
  std::map<std::string, Known, std::less<>> locks_ DEIMOS_GUARDED_BY(mutex_);
  std::size_t prune_at_ DEIMOS_GUARDED_BY(mutex_) = 64;
};

}  // namespace deimos

// The interface through which the recorder uses a lock client: the real one, or any other to be checked the same way.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include <deimos/hold.h>
#include <deimos/internal/export.h>
#include <deimos/lock_manager.h>
#include <deimos/lock_options.h>

namespace deimos::testkit {

/// One hold of a lock, with the meaning of deimos::Hold. Destroying it does not release it.
class DEIMOS_EXPORT HeldLock {
 public:
  virtual ~HeldLock() = default;
  [[nodiscard]] virtual std::uint64_t fencing_token() const = 0;
  [[nodiscard]] virtual std::stop_token lost() const = 0;
  [[nodiscard]] virtual bool is_held() const = 0;
  [[nodiscard]] virtual TimePoint expires_at() const = 0;
  virtual Result<void> renew() = 0;
  virtual Result<Release> release() = 0;
};

class DEIMOS_EXPORT LockClient {
 public:
  virtual ~LockClient() = default;
  /// As Mutex::acquire().
  [[nodiscard]] virtual Result<std::unique_ptr<HeldLock>> acquire(const std::string& name,
                                                                  const AcquireOptions& options,
                                                                  std::stop_token stop) = 0;
  /// As LockManager::close().
  virtual void close() noexcept = 0;
};

/// Locks of a LockManager, through Mutex::acquire() and Hold.
[[nodiscard]] DEIMOS_EXPORT std::unique_ptr<LockClient> make_lock_client(std::unique_ptr<LockManager> manager,
                                                                         const MutexOptions& options = {});

}  // namespace deimos::testkit

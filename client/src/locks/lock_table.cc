#include "locks/lock_table.h"

#include <utility>

#include "locks/session/lock_value.h"

namespace deimos {

Result<std::shared_ptr<LocalLock>> LockTable::lock_named(std::string_view name, LockKind kind) {
  Result<std::string> key = session_->key_of(name);
  if (!key) return tl::unexpected<Error>(std::move(key.error()));
  const internal::LocalMutexLock lock(mutex_);
  const auto known = locks_.find(name);
  if (known != locks_.end()) {
    if (auto local = known->second.lock.lock()) {
      if (is_same_lock(known->second.kind, kind)) return local;
      return fail(errc::lock_kind_differs, "'" + std::string(name) + "' is in use as a " +
                                               std::string(to_string(known->second.kind)) + " in this process");
    }
  }
  if (locks_.size() >= prune_at_) {
    std::erase_if(locks_, [](const auto& entry) { return entry.second.lock.expired(); });
    prune_at_ = 2 * locks_.size() + 64;
  }
  auto local = std::make_shared<LocalLock>(session_, std::string(name), std::move(*key));
  locks_[std::string(name)] = {kind, local};
  return local;
}

}  // namespace deimos

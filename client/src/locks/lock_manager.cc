#include <deimos/lock_manager.h>

#include <deimos/deimos_backend.h>

#include "locks/admin/lock_admin.h"
#include "locks/lock_table.h"
#include "locks/session/follow_changes.h"
#include "locks/session/lock_lease.h"
#include "locks/session/lock_session.h"
#include "locks/watcher/lock_watcher.h"
#include "runtime/stop_either.h"

namespace deimos {

LockManager::LockManager(const Client& client, LockOptions options)
    : LockManager(std::make_shared<DeimosBackend>(client), client.runtime(), std::move(options)) {}

LockManager::LockManager(std::shared_ptr<LockBackend> backend, std::shared_ptr<Runtime> runtime, LockOptions options)
    : locks_(std::make_shared<LockTable>(
          std::make_shared<LockSession>(std::move(backend), std::move(runtime), std::move(options)))) {}

LockManager::LockManager(LockManager&&) noexcept = default;

LockManager::~LockManager() {
  if (locks_) close();
}

Mutex LockManager::mutex(std::string_view name, const MutexOptions& options) const {
  const LockKind kind = options.fairness == Fairness::fair ? LockKind::fair_mutex : LockKind::mutex;
  return {std::string(name), locks_->lock_named(name, kind), kind};
}

SharedMutex LockManager::shared_mutex(std::string_view name) const {
  return {std::string(name), locks_->lock_named(name, LockKind::writer)};
}

Semaphore LockManager::semaphore(std::string_view name, const SemaphoreOptions& options) const {
  return {std::string(name), locks_->lock_named(name, LockKind::semaphore), options};
}

Election LockManager::election(std::string_view name) const {
  return {std::string(name), locks_->lock_named(name, LockKind::election)};
}

Result<bool> LockManager::is_locked(std::string_view name, std::stop_token stop) const {
  const Result<std::optional<LockInfo>> info = lock_info(locks_->session(), name, std::move(stop));
  if (!info) return tl::unexpected<Error>(info.error());
  return info->has_value() && !((*info)->ttl && is_over(*(*info)->ttl, locks_->session().options()));
}

Result<std::optional<LockInfo>> LockManager::info(std::string_view name, std::stop_token stop) const {
  return lock_info(locks_->session(), name, std::move(stop));
}

Result<std::vector<LockInfo>> LockManager::line(std::string_view name, std::stop_token stop) const {
  return lock_line(locks_->session(), name, std::move(stop));
}

Result<std::vector<LockInfo>> LockManager::list(std::string_view below, std::stop_token stop) const {
  return list_locks(locks_->session(), below, std::move(stop));
}

Result<void> LockManager::observe(const std::function<void(const LockChange&)>& on_change, std::stop_token stop,
                                  std::string_view below) const {
  LockSession& session = locks_->session();
  const Result<LockSession::Operation> operation = session.begin();
  if (!operation) return tl::unexpected<Error>(operation.error());
  const Result<std::string> directory = directory_of(session, below);
  if (!directory) return tl::unexpected<Error>(directory.error());
  LockWatcher watcher(session, on_change);
  Follower follower;
  follower.read = [&](const Deadline& until) -> Result<std::uint64_t> {
    Result<Listing> listing = session.backend().list(*directory, until);
    if (!listing) return tl::unexpected<Error>(std::move(listing.error()));
    const std::uint64_t revision = listing->revision;
    watcher.read(std::move(*listing));
    return revision;
  };
  follower.changed = [&](const Change& change) { return !watcher.changed(change); };
  const StopEither either(stop, session.closing());
  Error why = follow_changes(session.directory(*directory), follower, either.token());
  if (why.code == errc::cancelled && session.closing().stop_requested()) {
    return fail(errc::closed, "the lock manager was closed");
  }
  return tl::unexpected<Error>(std::move(why));
}

Result<bool> LockManager::ask_to_release(std::string_view name, const ReleaseDemand& demand,
                                         std::stop_token stop) const {
  return deimos::ask_to_release(locks_->session(), name, demand, std::move(stop));
}

Result<bool> LockManager::force_unlock(std::string_view name, std::stop_token stop) const {
  return deimos::force_unlock(locks_->session(), name, std::move(stop));
}

void LockManager::close() noexcept { locks_->session().close(); }

}  // namespace deimos

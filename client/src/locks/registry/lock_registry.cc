#include <deimos/lock_registry.h>

#include <exception>
#include <map>
#include <utility>

#include <deimos/internal/local_mutex.h>
#include <deimos/thread_runtime.h>

#include "locks/registry/store_schemes.h"

namespace deimos {
namespace {

tl::unexpected<Error> unusable(std::string why) { return fail(errc::invalid_argument, std::move(why)); }

LockOptions take_lock_options(LockStoreUrl& url) {
  LockOptions options;
  if (!url.prefix.empty()) options.prefix = url.prefix;
  url.options.take("ttl", options.ttl);
  url.options.take("renewal_interval", options.renewal_interval);
  url.options.take("max_clock_skew", options.max_clock_skew);
  url.options.take("request_timeout", options.request_timeout);
  url.options.take("poll_interval", options.poll_interval);
  url.options.take("owner", options.owner);
  return options;
}

}  // namespace

class LockRegistry::Impl {
 public:
  explicit Impl(std::shared_ptr<Runtime> with) : runtime(std::move(with)) {}

  const std::shared_ptr<Runtime> runtime;
  internal::LocalMutex mutex;
  std::map<std::string, OpenLockStore, std::less<>> schemes DEIMOS_GUARDED_BY(mutex);
  std::map<std::string, std::shared_ptr<LockManager>, std::less<>> managers DEIMOS_GUARDED_BY(mutex);
  bool closed DEIMOS_GUARDED_BY(mutex) = false;

  /// Null if the scheme is unknown.
  OpenLockStore scheme(const std::string& name) {
    const internal::LocalMutexLock lock(mutex);
    const auto known = schemes.find(name);
    return known == schemes.end() ? OpenLockStore() : known->second;
  }
  std::string scheme_names() {
    const internal::LocalMutexLock lock(mutex);
    std::string names;
    for (const auto& [name, open] : schemes) names += (names.empty() ? "" : ", ") + name;
    return names;
  }
};

LockRegistry::LockRegistry(std::shared_ptr<Runtime> runtime)
    : impl_(std::make_unique<Impl>(runtime ? std::move(runtime) : std::make_shared<ThreadRuntime>())) {
  add_scheme("deimos", open_deimos_store);
  add_scheme("etcd", open_etcd_store);
  add_scheme("etcd2", open_etcd2_store);
}

LockRegistry::~LockRegistry() { close(); }

void LockRegistry::add_scheme(std::string scheme, OpenLockStore open) {
  const internal::LocalMutexLock lock(impl_->mutex);
  impl_->schemes.insert_or_assign(std::move(scheme), std::move(open));
}

Result<LockManager> LockRegistry::open(std::string_view text) const {
  Result<LockStoreUrl> url = LockStoreUrl::parse(text);
  if (!url) return tl::unexpected<Error>(std::move(url.error()));
  const OpenLockStore open_store = impl_->scheme(url->scheme);
  if (!open_store) {
    const std::string hint = url->scheme == "redis" ? " (for Redis, call add_redis() of deimos::redis)" : "";
    return unusable("no store for locks has the scheme '" + url->scheme + "'; there are " + impl_->scheme_names() +
                    hint);
  }
  LockOptions options = take_lock_options(*url);
  Result<OpenedLockStore> store = open_store(*url);
  // What is wrong with an option says more than what came of it.
  if (auto taken = url->options.finish(); !taken) return tl::unexpected<Error>(std::move(taken.error()));
  if (!store) return tl::unexpected<Error>(std::move(store.error()));
  return LockManager(std::move(store->backend), std::move(store->runtime), std::move(options));
}

Result<void> LockRegistry::add(std::string name, std::string_view url) {
  Result<LockManager> locks = open(url);
  if (!locks) return tl::unexpected<Error>(std::move(locks.error()));
  return add(std::move(name), std::move(*locks));
}

Result<void> LockRegistry::add(std::string name, LockManager locks) {
  const auto manager = std::make_shared<LockManager>(std::move(locks));
  const internal::LocalMutexLock lock(impl_->mutex);
  if (impl_->closed) return fail(errc::closed, "the lock registry is closed");
  if (!impl_->managers.emplace(name, manager).second) return unusable("there is a lock manager '" + name + "' already");
  return {};
}

Result<std::shared_ptr<LockManager>> LockRegistry::find(std::string_view name) const {
  const internal::LocalMutexLock lock(impl_->mutex);
  if (impl_->closed) return fail(errc::closed, "the lock registry is closed");
  if (const auto known = impl_->managers.find(name); known != impl_->managers.end()) return known->second;
  std::string why = "there is no lock manager '" + std::string(name) + "'; there are:";
  for (const auto& [other, manager] : impl_->managers) why += ' ' + other;
  return unusable(std::move(why));
}

std::vector<std::string> LockRegistry::names() const {
  const internal::LocalMutexLock lock(impl_->mutex);
  std::vector<std::string> names;
  for (const auto& [name, manager] : impl_->managers) names.push_back(name);
  return names;
}

void LockRegistry::close() noexcept {
  std::map<std::string, std::shared_ptr<LockManager>, std::less<>> managers;
  {
    const internal::LocalMutexLock lock(impl_->mutex);
    impl_->closed = true;
    managers.swap(impl_->managers);
  }
  std::vector<std::unique_ptr<Task>> closing;
  for (const auto& [name, manager] : managers) {
    try {
      closing.push_back(impl_->runtime->spawn("close locks", [manager](const std::stop_token&) { manager->close(); }));
    } catch (const std::exception&) {  // No more threads: one after the other.
      manager->close();
    }
  }
}

}  // namespace deimos

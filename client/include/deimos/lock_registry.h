// Lock managers by name, each over the store that a URL says: so that the store is a line of configuration.
//
//   deimos::LockRegistry registry;
//   registry.add("jobs", "etcd://10.0.0.1,10.0.0.2,10.0.0.3/jobs?ttl=10s").value();
//   auto hold = (*registry.find("jobs"))->mutex("reports").acquire();
//
// | scheme | store | port | options of its own |
// |---|---|---|---|
// | `deimos` | Deimos (`Client`) | 4001 | those of a client, `sync_interval` |
// | `etcd` | etcd v3, over its JSON gateway (`EtcdBackend`) | 2379 | those of a client |
// | `etcd2` | etcd by its v2 API (`Client` with `Dialect::etcd2`) | 2379 | as `deimos` |
// | `redis` | Redis (`RedisBackend`), after add_redis() of `redis_locks.h` | 6379 | see below |
//
// Options of Redis: `database`, `connect_timeout`, and `sentinel_master`, with which the hosts are sentinels (port
// 26379). Options of a client: `tls=on`, `ca_file`, `certificate_file`, `key_file`, `verify=off`, `connect_timeout`,
// `attempt_timeout`. Options of the locks, for every scheme, as in LockOptions: `ttl`, `renewal_interval`,
// `max_clock_skew`, `request_timeout`, `poll_interval`, `owner`; the path is the prefix.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/error.h>
#include <deimos/internal/export.h>
#include <deimos/lock_manager.h>
#include <deimos/lock_store_scheme.h>
#include <deimos/runtime.h>

namespace deimos {

/// Thread-safe.
class DEIMOS_EXPORT LockRegistry {
 public:
  /// `runtime`: whose tasks close the managers. None: a ThreadRuntime of its own.
  explicit LockRegistry(std::shared_ptr<Runtime> runtime = {});
  /// As close().
  ~LockRegistry();
  LockRegistry(const LockRegistry&) = delete;
  LockRegistry& operator=(const LockRegistry&) = delete;

  /// From now on URLs of that scheme are opened so; replaces what was known of it.
  void add_scheme(std::string scheme, OpenLockStore open);

  /// A manager without a name. Uses no network: a store that is none is found out by the first lock. errc::
  /// invalid_argument: an unknown scheme, a URL or an option that cannot be used.
  [[nodiscard]] Result<LockManager> open(std::string_view url) const;
  /// The same, by a name from now on. Also errc::invalid_argument if the name is taken; errc::closed after close().
  Result<void> add(std::string name, std::string_view url);
  Result<void> add(std::string name, LockManager locks);
  /// errc::invalid_argument if there is none of that name; errc::closed after close().
  [[nodiscard]] Result<std::shared_ptr<LockManager>> find(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> names() const;

  /// Closes all managers at once, as LockManager::close() does: blocks no longer than the slowest of them. Idempotent.
  void close() noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace deimos

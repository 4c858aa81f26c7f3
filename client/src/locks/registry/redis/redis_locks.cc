#include <deimos/redis_locks.h>

#include <algorithm>
#include <utility>

#include <deimos/redis_backend.h>

#include "backends/redis/redis_options_check.h"

namespace deimos {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Result<OpenedLockStore> open_redis(LockStoreUrl& url) {
  RedisOptions options;
  std::string sentinel_master;
  url.options.take("sentinel_master", sentinel_master);
  url.options.take("database", options.database);
  url.options.take("connect_timeout", options.connect_timeout);
  if (!url.prefix.empty() && is_number(std::string_view(url.prefix).substr(1))) {
    return fail(errc::invalid_argument,
                "the path is the prefix of the locks; a database is an option: ?database=" + url.prefix.substr(1));
  }
  std::vector<std::string>& addresses = sentinel_master.empty() ? options.addresses : options.sentinels;
  for (const std::string& host : url.hosts) addresses.push_back(url.scheme + "://" + host);
  if (!sentinel_master.empty()) options.sentinel_master = std::move(sentinel_master);
  // Without a name, `redis://:PASSWORD@HOST` is the password of the user `default`.
  if (url.user) options.credentials = {*url.user, url.password.value_or("")};
  Result<RedisPlan> plan = check_redis_options(options);
  if (!plan) return tl::unexpected<Error>(std::move(plan.error()));
  const auto backend = std::make_shared<RedisBackend>(std::move(options));
  return OpenedLockStore{backend, backend->runtime()};
}

}  // namespace

void add_redis(LockRegistry& registry) {
  registry.add_scheme("redis", open_redis);
  registry.add_scheme("rediss", open_redis);  // Which says why not.
}

}  // namespace deimos

// Waits for changes of locks in Redis.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <deimos/lock_backend.h>

#include "backends/redis/redis_caller.h"

namespace deimos {

/// What is waited for: changes of one key, or of all below a directory, whose key ends with a slash.
enum class RedisScope { key, below };

/// As LockBackend::wait_for_change() and wait_for_any_change().
///
/// No change is missed: it subscribes, then asks the server's history, then waits. It asks again now and then, and when
/// a lease ends, which nobody publishes until somebody looks.
[[nodiscard]] Result<std::optional<Change>> wait_for_redis_change(RedisCaller& caller, Runtime& runtime,
                                                                  const RedisOptions& options, RedisScope scope,
                                                                  const std::string& key, std::uint64_t from_revision,
                                                                  const Deadline& until);

/// `kind revision ttl token`, as the script writes it: nothing if it is not that.
[[nodiscard]] std::optional<Change> redis_change_in(std::string key, std::string_view text);

/// `text` as part of a pattern that stands for itself.
[[nodiscard]] std::string escaped_for_redis_pattern(std::string_view text);

}  // namespace deimos

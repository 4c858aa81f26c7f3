// Managers of locks in Redis, for tests.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <deimos/lock_manager.h>
#include <deimos/redis_backend.h>

#include "http/raw_server.h"

namespace deimos {

inline std::shared_ptr<RedisBackend> make_store(RedisOptions options) {
  return std::make_shared<RedisBackend>(std::move(options));
}

/// `127.0.0.1:PORT`.
inline std::string address_of(const RawServer& server) {
  return "127.0.0.1" + server.url().substr(server.url().rfind(':'));
}

inline LockManager manager_of(const std::shared_ptr<RedisBackend>& store,
                              LockOptions options = {.ttl = std::chrono::seconds(10)}) {
  return {store, store->runtime(), std::move(options)};
}

}  // namespace deimos

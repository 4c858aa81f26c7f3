// A real Redis server and a backend, step by step.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <future>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <deimos/redis_backend.h>

#include "backends/redis/redis_server.h"

namespace deimos {

struct RedisSteps : testing::Test {
  RedisServer server;
  RedisBackend store{{.addresses = {server.address()},
                      .connect_timeout = std::chrono::seconds(10),
                      .look_interval = std::chrono::seconds(60)}};

  [[nodiscard]] TimePoint now() const { return store.runtime()->now(); }
  [[nodiscard]] Deadline soon() const { return {now() + std::chrono::seconds(60)}; }
  [[nodiscard]] std::uint64_t granted(const std::string& key, const std::string& token,
                                      std::chrono::seconds ttl = std::chrono::seconds(10)) {
    const auto answer = store.acquire(key, token, ttl, soon());
    if (!answer || !std::holds_alternative<Granted>(*answer)) return 0;
    return std::get<Granted>(*answer).fencing_token;
  }
  [[nodiscard]] LockRecord record(const std::string& key) {
    const auto seen = store.inspect(key, soon());
    return seen && seen->record ? *seen->record : LockRecord{};
  }
  [[nodiscard]] std::uint64_t revision() { return store.inspect("/locks/nothing", soon()).value().revision; }
  [[nodiscard]] std::vector<std::string> names(const std::string& prefix) {
    std::vector<std::string> all;
    const Listing listing = store.list(prefix, soon()).value();
    for (const LockRecord& each : listing.records) all.push_back(each.key);
    return all;
  }
  /// What wait() says, asked by another thread.
  std::future<Result<std::optional<Change>>> waiting(const std::string& key, std::uint64_t from, bool below = false,
                                                     std::chrono::seconds longest = std::chrono::seconds(30),
                                                     std::stop_token stop = {}) {
    return std::async(std::launch::async, [=, this] {
      const Deadline until{now() + longest, stop};
      return below ? store.wait_for_any_change(key, from, until) : store.wait_for_change(key, from, until);
    });
  }
};

}  // namespace deimos

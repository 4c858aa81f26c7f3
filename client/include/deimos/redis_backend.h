// Locks in a Redis server: every kind, with fencing tokens, on one master (5.0 or newer; not Redis Cluster).
//
//   auto store = std::make_shared<deimos::RedisBackend>(deimos::RedisOptions{.addresses = {"127.0.0.1:6379"}});
//   deimos::LockManager locks(store, store->runtime(), {.ttl = 10s});
//
// A Mutex that is not fair is a plain string key of its name (`/locks/reports`) that holds the token, with an expiry:
// it and `SET /locks/reports TOKEN NX PX 10000` of other clients exclude one another. All else is kept in keys whose
// names begin with `deimos:`.
//
// What a failover may forget (replication is asynchronous), and what a fencing token does about it:
// client/src/backends/redis/README.md.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include <deimos/internal/export.h>
#include <deimos/lock_backend.h>
#include <deimos/redis_options.h>

namespace deimos {

/// Thread-safe. If the options cannot be used, every call fails with errc::invalid_argument, saying which and why; so
/// it does, at once, if whoever answers is no Redis, or wants another user or password. A server that cannot be
/// reached, is a replica, loads its data, is out of memory or cannot save, is errc::unavailable: that may pass. In a
/// child of fork() it is inert: calls say errc::closed.
class DEIMOS_EXPORT RedisBackend final : public LockBackend {
 public:
  explicit RedisBackend(RedisOptions options);
  ~RedisBackend() override;
  RedisBackend(const RedisBackend&) = delete;
  RedisBackend& operator=(const RedisBackend&) = delete;

  [[nodiscard]] Result<std::variant<Granted, Refused>> acquire(const std::string& key, const std::string& token,
                                                               std::chrono::seconds ttl,
                                                               const Deadline& until) override;
  [[nodiscard]] Result<Granted> take_over(const LockRecord& expired, const std::string& token, std::chrono::seconds ttl,
                                          const Deadline& until) override;
  [[nodiscard]] Result<Granted> renew(const std::string& key, const std::string& token, std::uint64_t revision,
                                      std::chrono::seconds ttl, const Deadline& until) override;
  [[nodiscard]] Result<void> release(const std::string& key, const std::string& token, const Deadline& until) override;
  [[nodiscard]] Result<void> force_release(const LockRecord& shown, const Deadline& until) override;
  [[nodiscard]] Result<std::optional<Change>> wait_for_change(const std::string& key, std::uint64_t from_revision,
                                                              const Deadline& until) override;
  [[nodiscard]] Result<Inspection> inspect(const std::string& key, const Deadline& until) override;
  /// Locks of other clients are among them if they are found by a SCAN of at most 100'000 keys, or were met before.
  [[nodiscard]] Result<Listing> list(const std::string& prefix, const Deadline& until) override;
  [[nodiscard]] Result<LockRecord> enqueue(const std::string& queue, const std::string& token, std::chrono::seconds ttl,
                                           const Deadline& until) override;
  [[nodiscard]] Result<Listing> places(const std::string& queue, const Deadline& until) override;
  [[nodiscard]] Result<std::optional<Change>> wait_for_any_change(const std::string& queue, std::uint64_t from_revision,
                                                                  const Deadline& until) override;
  [[nodiscard]] Result<void> set_permanent(const std::string& key, const std::string& text,
                                           const std::optional<LockRecord>& shown, const Deadline& until) override;

  /// For the LockManager.
  [[nodiscard]] std::shared_ptr<Runtime> runtime() const;
  /// Ends every call with errc::closed (one whose request was sent and not answered with errc::outcome_unknown), and
  /// refuses new ones. Idempotent.
  void close() noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace deimos

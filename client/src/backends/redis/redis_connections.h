// The connections of one backend, and which server they go to: the master.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <deimos/internal/local_mutex.h>
#include <deimos/lock_backend.h>

#include "backends/redis/redis_connection.h"
#include "backends/redis/redis_options_check.h"

namespace deimos {

/// Thread-safe.
class RedisConnections {
 public:
  RedisConnections(Runtime& runtime, RedisPlan plan) : runtime_(runtime), plan_(std::move(plan)) {}

  /// A connection that is lent for one call: it ends at the call's deadline, when its stop_token is triggered, and when
  /// the backend is closed. Given back where it can be used again.
  class Loan {
   public:
    Loan(RedisConnections& owner, std::unique_ptr<RedisConnection> connection, std::uint64_t generation, bool is_new,
         const Deadline& until);
    ~Loan();
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;

    [[nodiscard]] RedisConnection& operator*() const noexcept { return *connection_; }
    [[nodiscard]] RedisConnection* operator->() const noexcept { return connection_.get(); }
    /// It was made for this call: that it is broken is no accident of its age.
    [[nodiscard]] bool is_new() const noexcept { return is_new_; }

   private:
    struct Abort {
      RedisConnection& connection;
      void operator()() const noexcept { connection.abort(RedisFailure::Reason::cancelled); }
    };
    RedisConnections& owner_;
    std::unique_ptr<RedisConnection> connection_;
    std::uint64_t generation_;
    bool is_new_;
    std::optional<std::stop_callback<Abort>> cancel_;
  };

  /// To the master.
  [[nodiscard]] RedisResult<std::unique_ptr<Loan>> borrow(const Deadline& until);
  /// The master may be another by now, or has begun anew: the next call finds out.
  void doubt_master();
  void close() noexcept;

 private:
  [[nodiscard]] std::unique_ptr<Loan> borrow_idle(const Deadline& until);
  [[nodiscard]] RedisResult<std::unique_ptr<Loan>> connect(const Deadline& until);
  /// Asks one after the other.
  [[nodiscard]] RedisResult<std::unique_ptr<Loan>> find_master(const Deadline& until);
  /// One server: a connection if it is a master.
  [[nodiscard]] RedisResult<std::unique_ptr<Loan>> connect_to(const EndpointUrl& address, std::uint64_t generation,
                                                              const Deadline& until);
  [[nodiscard]] RedisResult<EndpointUrl> ask_sentinel(const EndpointUrl& sentinel, const Deadline& until);
  /// Where to look, those first which are the most likely.
  [[nodiscard]] std::vector<EndpointUrl> in_order(const std::vector<EndpointUrl>& all, std::size_t first) const;

  Runtime& runtime_;
  const RedisPlan plan_;
  internal::LocalMutex mutex_;
  bool closed_ DEIMOS_GUARDED_BY(mutex_) = false;
  std::uint64_t generation_ DEIMOS_GUARDED_BY(mutex_) = 0;  ///< Counts the doubts.
  std::size_t last_good_ DEIMOS_GUARDED_BY(mutex_) = 0;     ///< Of the addresses, or of the sentinels.
  std::optional<EndpointUrl> master_ DEIMOS_GUARDED_BY(mutex_);
  std::vector<RedisConnection*> lent_ DEIMOS_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<RedisConnection>> idle_ DEIMOS_GUARDED_BY(mutex_);
};

}  // namespace deimos

// Runs steps of the script on the master, each once.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/error.h>
#include <deimos/lock_backend.h>

#include "backends/redis/redis_connections.h"
#include "backends/redis/redis_failure.h"

namespace deimos {

/// What is asked of the server.
struct RedisStep {
  std::string_view name;
  const std::string& key;
  std::vector<std::string> arguments;
  RedisEffect effect = RedisEffect::write;
};

/// Thread-safe.
class RedisCaller {
 public:
  RedisCaller(Runtime& runtime, RedisPlan plan)
      : runtime_(runtime), patience_(plan.options.connect_timeout), connections_(runtime, std::move(plan)) {}

  /// The script's answer, an array that begins with a word.
  [[nodiscard]] Result<RedisValue> run(const RedisStep& step, const Deadline& until);
  /// A command that only reads.
  [[nodiscard]] Result<RedisValue> read(const RedisCommand& command, const Deadline& until);
  /// Listens on a channel (or, a pattern, on many).
  [[nodiscard]] Result<std::unique_ptr<RedisConnections::Loan>> subscribe(const std::string& channel, bool is_pattern,
                                                                          const Deadline& until);
  /// What a failure means of a call that had so much time.
  [[nodiscard]] Error failed(const RedisFailure& failure, RedisEffect effect, Duration took = Duration::max());
  void close() noexcept { connections_.close(); }

 private:
  /// Why nothing may be asked, if that is so.
  [[nodiscard]] std::optional<Error> may_not_begin(const Deadline& until) const;
  /// Borrows a connection and asks; once more if it was an idle one that proved to be closed.
  template <typename Ask>
  auto with_connection(const Deadline& until, Ask ask) -> decltype(ask(std::declval<RedisConnections::Loan&>()));

  Runtime& runtime_;
  const Duration patience_;  ///< A call that has less time says nothing about the server.
  RedisConnections connections_;
};

}  // namespace deimos

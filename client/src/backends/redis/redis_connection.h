// One connection to one Redis server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include <deimos/internal/descriptor.h>
#include <deimos/redis_options.h>
#include <deimos/runtime.h>

#include "backends/redis/redis_failure.h"
#include "backends/redis/redis_reply.h"
#include "http/tcp_link.h"
#include "wire/endpoint_url.h"

namespace deimos {

/// A command and its arguments; any bytes.
using RedisCommand = std::vector<std::string>;
template <typename T>
using RedisResult = tl::expected<T, RedisFailure>;

/// What was published on a channel.
struct RedisMessage {
  std::string channel;
  std::string text;
};

/// Used by one call at a time; abort() from anywhere. Every wait ends at the deadline that begin() was told.
class RedisConnection {
 public:
  RedisConnection(Runtime& runtime, EndpointUrl address, const RedisOptions& options);

  /// Begins a call, for which it may use the time until then.
  void begin(TimePoint deadline) noexcept;
  /// Ends it now, with that reason; and with it the connection.
  void abort(RedisFailure::Reason reason) noexcept;

  /// Connects, sends `greeting`, and gives the answers to it.
  [[nodiscard]] RedisResult<std::vector<RedisValue>> open(const std::vector<RedisCommand>& greeting);
  /// Sends one command and waits for its answer.
  [[nodiscard]] RedisResult<RedisValue> ask(const RedisCommand& command);

  /// From its return on nothing published there is missed. (A pattern: with `*` and the like.)
  [[nodiscard]] RedisResult<void> subscribe(const std::string& channel, bool is_pattern);
  /// The next message; none at `until`.
  [[nodiscard]] RedisResult<std::optional<RedisMessage>> next_message(TimePoint until);
  /// Afterwards it may ask again.
  void unsubscribe();

  /// It is as it was after open(): another call may have it.
  [[nodiscard]] bool can_go_on();
  [[nodiscard]] const EndpointUrl& address() const noexcept { return address_; }
  /// `HOST:PORT`.
  [[nodiscard]] std::string address_text() const;

 private:
  [[nodiscard]] RedisFailure failed(Delivery delivery, std::string message) const;
  /// All of it, or a failure: the server acts on no part of a command.
  [[nodiscard]] RedisResult<void> send(const std::string& bytes);
  [[nodiscard]] RedisResult<RedisValue> receive();
  /// One reading: true if something came.
  [[nodiscard]] RedisResult<bool> read_some(bool wait);
  /// What was sent to a subscriber that has gone meanwhile.
  void skip_old_messages();

  Runtime& runtime_;
  EndpointUrl address_;
  Duration connect_timeout_;
  TcpLink link_;
  internal::Descriptor socket_;
  RedisReader reader_;
  TimePoint deadline_;
  bool broken_ = false;
  bool subscribed_ = false;
  bool pattern_ = false;
  int old_subscriptions_ = 0;  ///< Whose end the server has not confirmed yet.
};

}  // namespace deimos

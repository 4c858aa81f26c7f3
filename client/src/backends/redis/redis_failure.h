// What went wrong with a request to Redis, and what callers are told of it.
#pragma once

#include <string>
#include <string_view>

#include <deimos/error.h>
#include <deimos/transport.h>

namespace deimos {

/// Why there is no answer.
struct RedisFailure {
  enum class Reason {
    unreachable,  ///< No connection, or it broke, or the server is in no state to serve.
    timed_out,
    cancelled,
    closed,
    nonsense,  ///< What came is no answer.
    refused,   ///< Whoever is there will never answer as long as the options are as they are.
  };
  Reason reason = Reason::unreachable;
  Delivery delivery = Delivery::not_sent;
  std::string message;
};

/// A request may change what the server keeps, or only reads it.
enum class RedisEffect { write, read };

[[nodiscard]] Error error_of(const RedisFailure& failure, RedisEffect effect);

/// An answer that begins with `-`.
struct RedisRefusal {
  RedisFailure failure;
  bool is_of_master = true;  ///< false: another server may be the master by now.
};
/// What it says of the server; what it refuses was not applied.
[[nodiscard]] RedisRefusal refusal_of(std::string_view text);

}  // namespace deimos

// Everything a RedisBackend can be told, with its defaults.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <deimos/runtime.h>

namespace deimos {

/// Who asks. Without a user name: the password alone, which is that of Redis' user `default`.
struct RedisCredentials {
  std::string user = {};
  std::string password = {};
};

struct RedisOptions {
  /// `HOST[:PORT]` or `redis://HOST[:PORT]`, an IPv6 host in brackets; the port is 6379 if none is given. They are
  /// tried in their order until one answers as a master. `rediss://` is refused: the library below cannot speak TLS.
  std::vector<std::string> addresses = {};
  /// In their place: addresses of sentinels (port 26379 if none is given), which are asked for the master, again
  /// whenever it is in doubt.
  std::vector<std::string> sentinels = {};
  std::string sentinel_master = "mymaster";  ///< Its name in the sentinels' configuration.
  RedisCredentials credentials = {};
  RedisCredentials sentinel_credentials = {};
  int database = 0;  ///< 0 to 1'000'000; SELECT.
  /// The longest that connecting takes, the greeting (AUTH, SELECT, …) included.
  Duration connect_timeout = std::chrono::seconds(1);
  /// The longest that a waiter listens before it looks for itself, should a message be lost. At least 10 ms.
  Duration look_interval = std::chrono::seconds(2);
  /// The same while a client that is not of this library holds the lock: its releases are told by nobody.
  Duration foreign_look_interval = std::chrono::milliseconds(250);
  std::size_t max_idle_connections = 8;
  std::size_t max_answer_bytes = std::size_t{64} << 20;  ///< A longer answer is a protocol_error.
  std::shared_ptr<Runtime> runtime = {};                 ///< None: a ThreadRuntime of the backend's own.
};

}  // namespace deimos

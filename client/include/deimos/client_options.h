// Everything a Client can be told, with its defaults.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <deimos/dialect.h>
#include <deimos/observer.h>
#include <deimos/runtime.h>
#include <deimos/transport.h>

namespace deimos {

/// How long to pause between the attempts of one call: the n-th pause is `initial × multiplier^(n-1)`, at most `max`,
/// less a random part of up to `jitter` of it.
struct RetryPolicy {
  int max_attempts = 0;  ///< Exchanges per call; 0: as many as fit before the deadline.
  Duration initial_backoff = std::chrono::milliseconds(20);
  Duration max_backoff = std::chrono::seconds(2);
  double multiplier = 2.0;  ///< At least 1.
  double jitter = 0.5;      ///< 0 (none) to 1.
};

/// HTTP basic authentication.
struct Credentials {
  std::string user;
  std::string password;
};

/// For endpoints that begin with `https://`.
struct TlsOptions {
  std::string ca_file = {};           ///< PEM; empty: the system's authorities.
  std::string certificate_file = {};  ///< PEM, of this client; empty: none.
  std::string key_file = {};          ///< PEM; given exactly if certificate_file is.
  bool verify = true;                 ///< false: any certificate will do. For tests only.
};

struct ClientOptions {
  /// `http://HOST:PORT` or `https://HOST:PORT`, an IPv6 host in brackets. At least one.
  std::vector<std::string> endpoints = {};
  /// If another store answers, calls fail with errc::protocol_error, which says what is there and what to change.
  Dialect dialect = Dialect::deimos;
  /// The longest that a call takes, all its attempts together, unless the call says otherwise.
  Duration request_timeout = std::chrono::seconds(10);
  /// A read that is not answered within this is asked of another endpoint, and so is a long poll of which not even the
  /// head of the answer has come. A write is sent once, and waits until request_timeout.
  /// An endpoint that lets calls wait for a third of this, and answers none, is asked by a short read in the
  /// background; if it does not answer that in another third, while another endpoint does, it hangs: what waits for it
  /// is ended (a write with errc::outcome_unknown), and it is left out until such a read finds it back.
  Duration attempt_timeout = std::chrono::seconds(3);
  Duration connect_timeout = std::chrono::seconds(1);
  RetryPolicy retry = {};
  std::optional<Credentials> credentials = {};
  Headers headers = {};  ///< Sent with every request.
  TlsOptions tls = {};
  /// Every so often, take the endpoints from the cluster's `/machines` (`/v2/machines`). 0: only when sync() is called.
  Duration sync_interval = Duration::zero();
  /// The longest that one long poll of a watch stays open. Bounded because a node can forget a watcher.
  Duration poll_timeout = std::chrono::seconds(30);
  std::size_t max_answer_bytes = std::size_t{64} << 20;  ///< A longer body is a protocol_error.
  std::shared_ptr<Observer> observer = {};
  std::shared_ptr<Runtime> runtime = {};      ///< None: a ThreadRuntime of the client's own.
  std::shared_ptr<Transport> transport = {};  ///< None: an HttpTransport of the client's own.
};

}  // namespace deimos

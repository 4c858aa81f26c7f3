// One connection to one endpoint, and one exchange after the other on it.
#pragma once

#include <memory>
#include <string>

#include <deimos/http_transport_options.h>
#include <deimos/runtime.h>
#include <deimos/transport.h>

#include "wire/endpoint_url.h"

namespace deimos {

/// Not thread-safe, but for abort().
class HttpConnection {
 public:
  /// Connects at the first exchange.
  HttpConnection(Runtime& runtime, const EndpointUrl& url, const HttpTransportOptions& options);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  /// begin() first, so that abort() can hit an exchange that has not got going yet.
  void begin(TimePoint deadline, TimePoint head_by);
  [[nodiscard]] Exchange exchange(const Request& request);
  /// Ends the exchange that has begun, at once.
  void abort(Failure::Reason reason) noexcept;

  /// In a child of fork(): the connection is closed here without the other process noticing.
  void disown() noexcept;

  /// After an exchange: another can follow on this connection, as far as is known now.
  [[nodiscard]] bool can_go_on() const;
  [[nodiscard]] bool is_secure() const noexcept;
  /// It has its TCP connection, and its handshake if it is a secure one.
  [[nodiscard]] bool is_open() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace deimos

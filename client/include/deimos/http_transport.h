// The Transport of real life: HTTP/1.1 over pooled keep-alive connections.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <deimos/http_transport_options.h>
#include <deimos/internal/export.h>
#include <deimos/runtime.h>
#include <deimos/transport.h>

namespace deimos {

/// Every exchange that runs has a connection to itself, so a long poll delays nobody. Name lookup is the system's and
/// cannot be interrupted: with host names instead of addresses, an exchange may overrun its deadline by the time that
/// takes.
///
/// Delivery::not_sent is said when the connection was refused or not made in time, when an exchange is over before it
/// began, and when a kept connection turns out to have been closed by the server before the request was written. Any
/// failure after the first byte was handed to the system is Delivery::unknown.
///
/// In a child of fork() it is inert: every exchange is refused with Failure::Reason::closed, and the connections remain
/// those of the other process.
class DEIMOS_EXPORT HttpTransport final : public Transport {
 public:
  explicit HttpTransport(std::shared_ptr<Runtime> runtime, HttpTransportOptions options = {});
  ~HttpTransport() override;
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;

  [[nodiscard]] Exchange exchange(const std::string& endpoint, const Request& request, TimePoint deadline,
                                  std::stop_token stop) override;
  void close() noexcept override;
  void forget(const std::string& endpoint) noexcept override;

  /// Connections open and not in use now.
  [[nodiscard]] std::size_t idle_connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace deimos

// A fake node on the network: HTTP/1.1 in front of its handle(). It reads requests, holds limits and writes answers;
// what a request means is the business of whoever handles it alone, down to the escapes in its target.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <deimos/fake/http_server_options.h>
#include <deimos/fake/request_handler.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

/// A port that is bound and listening. Clients that connect before there is a server wait for it: so a node can be told
/// its URL before it is made.
class DEIMOS_EXPORT HttpListener {
 public:
  /// Throws std::system_error, saying the address, if it cannot be bound, and std::invalid_argument if the host cannot
  /// be resolved.
  HttpListener(const std::string& host, std::uint16_t port);
  ~HttpListener();
  HttpListener(HttpListener&&) noexcept;
  HttpListener& operator=(HttpListener&&) noexcept;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// `http://HOST:PORT`, without a trailing slash.
  [[nodiscard]] std::string url() const;
  /// The listening socket, which stays the listener's.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// Whether connections are accepted or refused; the port is kept either way. Accepted at first. Thread-safe.
  void accept_connections(bool accepted) const noexcept;

 private:
  std::string host_;
  std::uint16_t port_ = 0;
  int descriptor_ = -1;
};

/// Answers requests from its construction to its destruction (while its node is crashed, connections are refused, as of
/// a process that has gone), which takes less than a second: open watches get the end of their body, other requests
/// their answer. The handler (a Node, say) must outlive it. Members may be called from any thread.
class DEIMOS_EXPORT HttpServer {
 public:
  /// Listens at the host and port of the options; throws as HttpListener does.
  explicit HttpServer(RequestHandler& handler, HttpServerOptions options = {});
  /// Serves a listener; the host and port of the options are ignored.
  HttpServer(RequestHandler& handler, HttpListener listener, HttpServerOptions options = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;
  /// `http://HOST:PORT`, without a trailing slash.
  [[nodiscard]] std::string url() const;
  /// How many clients are connected.
  [[nodiscard]] std::size_t connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace deimos::fake

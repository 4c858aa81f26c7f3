// A fake node on the network: HTTP/1.1 in front of its handle(). It reads requests, holds limits and writes answers;
// what a request means is the business of whoever handles it alone, down to the escapes in its target.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <deimos/fake/request_handler.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

/// What one client may cost. A request beyond a limit is answered with the status named and its connection closed.
struct DEIMOS_EXPORT HttpLimits {
  std::size_t request_line_bytes = std::size_t{1} << 20;  ///< 414. A compare-and-delete has its value there.
  std::size_t header_bytes = std::size_t{64} << 10;       ///< 431. All header lines together.
  std::size_t body_bytes = std::size_t{16} << 20;         ///< 413. Percent-encoding triples a value at worst.
  std::chrono::milliseconds request_time = std::chrono::seconds(30);  ///< 408. From the first byte to the last.
  std::chrono::milliseconds answer_time =
      std::chrono::seconds(10);                      ///< A client that takes nothing for so long is cut.
  std::size_t connections = 8192;                    ///< 503 for those beyond. Each costs a thread and a descriptor.
  std::size_t unsent_bytes = std::size_t{16} << 20;  ///< A streaming watch further behind than this is dropped.
};

/// One request and what became of it.
struct HttpAccess {
  std::string method;  ///< Empty, as the target, if what came was not a request.
  std::string target;
  int status = 0;                       ///< 0 if the client left before it was answered.
  std::chrono::nanoseconds duration{};  ///< Of a watch: until its body was complete or its client gone.
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";  ///< A name or an address, IPv6 without brackets.
  std::uint16_t port = 0;          ///< 0: any that is free.
  HttpLimits limits = {};
  /// Called after each request, from many threads at once. Must not throw.
  std::function<void(const HttpAccess&)> on_access = nullptr;
};

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

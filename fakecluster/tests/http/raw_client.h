// A client that sends exactly the bytes it is told, for tests of what an HTTP server makes of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <deimos/transport.h>

namespace deimos::fake {

/// Throws std::runtime_error if nothing comes for ten seconds, or if what comes is not HTTP.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port);
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&&) = delete;

  /// False if the server has closed the connection.
  bool send(std::string_view bytes);
  /// Nothing more will be sent; answers can still come.
  void finish_sending();

  /// The next complete answer, a chunked body decoded.
  Response answer(bool without_body = false);
  /// Its parts, for those who want to look in between.
  Response head();
  void body(Response& response);
  /// The next chunk of a chunked body; empty for the last.
  std::string chunk();
  /// Whether nothing has come that was not taken yet.
  [[nodiscard]] bool is_silent() const;
  /// Waits for bytes of whatever kind, and says how many it took: no more than `most`; 0 at the end.
  std::size_t take_some(std::size_t most);
  /// What else comes until the server closes the connection.
  std::string rest();

 private:
  bool receive();
  std::string take(std::size_t count);
  std::string take_line();

  int socket_ = -1;
  std::string received_;
};

/// A request of HTTP/1.1, with a form if there is one.
[[nodiscard]] std::string text_of(const Request& request);
[[nodiscard]] std::string get(std::string_view target);
[[nodiscard]] std::string put(std::string_view target, std::string_view form);

/// Looks again and again until it is so; false after ten seconds.
[[nodiscard]] bool eventually(const std::function<bool()>& so);

}  // namespace deimos::fake

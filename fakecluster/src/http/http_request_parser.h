// Bytes of a connection in, HTTP/1.1 requests out. Knows no socket and no clock.
//
// Boost.Beast takes a message apart; where it begins and ends in the bytes, and how large it may be, is decided here,
// since Beast has one limit for the request line and the headers and none for what surrounds a chunk.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <deimos/fake/http_limits.h>
#include <deimos/transport.h>

namespace deimos::fake {

struct HttpRequest {
  Request request;         ///< The target as it came, but for the scheme and host of an absolute one.
  bool keep_alive = true;  ///< The client wants to go on with this connection.
  bool may_chunk = true;   ///< It understands `Transfer-Encoding: chunked`: HTTP/1.1.
};

/// Why the bytes are not a request that is taken, and the status to say it with.
struct HttpRefusal {
  int status = 400;
  std::string reason;
};

class HttpRequestParser {
 public:
  enum class State {
    idle,      ///< Between requests: no byte of the next one has come.
    partial,   ///< More bytes are needed.
    complete,  ///< take() gives the request.
    refused,   ///< refusal() says why; nothing after it is read.
  };

  explicit HttpRequestParser(const HttpLimits& limits);
  ~HttpRequestParser();
  HttpRequestParser(const HttpRequestParser&) = delete;
  HttpRequestParser& operator=(const HttpRequestParser&) = delete;

  void append(std::string_view bytes);
  /// As far as the bytes go.
  State parse();
  /// The complete request; bytes that follow it belong to the next one.
  HttpRequest take();
  [[nodiscard]] const HttpRefusal& refusal() const noexcept { return refusal_; }
  /// The client waits for `100 Continue` before it sends the body. Says so once.
  bool take_expectation() noexcept;
  /// How many bytes have come that no request has taken yet.
  [[nodiscard]] std::size_t buffered() const noexcept { return buffer_.size() - read_; }

 private:
  class Message;
  enum class Phase { request_line, headers, body, complete, refused };

  /// Each goes on to the next phase, or stays because it needs more bytes.
  void find_request_line();
  void find_headers();
  void read_body();
  [[nodiscard]] std::size_t ready_bytes() const;
  std::size_t give(std::size_t count);
  void refuse(int status, std::string reason);

  const HttpLimits& limits_;
  std::string buffer_;
  std::size_t read_ = 0;     // Of the buffer: what has been parsed,
  std::size_t scanned_ = 0;  // and what has been searched for a line's end.
  std::size_t line_ = 0;     // Where the line that is searched begins.
  int blank_lines_ = 0;
  Phase phase_ = Phase::request_line;
  std::unique_ptr<Message> message_;
  HttpRefusal refusal_;
};

}  // namespace deimos::fake

// Bytes of a connection in, HTTP/1.1 requests out. Knows no socket and no clock.
//
// cpp-httplib's own reader is not used because it has no bound on the headers of a request nor on the time one may
// take, fixes 8 KiB for the request line when it is compiled, and loses pipelined requests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
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

  explicit HttpRequestParser(const HttpLimits& limits) : limits_(limits) {}

  void append(std::string_view bytes);
  /// As far as the bytes go.
  State parse();
  /// The complete request; bytes that follow it belong to the next one.
  HttpRequest take();
  [[nodiscard]] const HttpRefusal& refusal() const noexcept { return refusal_; }
  /// The client waits for `100 Continue` before it sends the body. Says so once.
  bool take_expectation() noexcept;

 private:
  enum class Phase { request_line, header, body, chunk_size, chunk, chunk_end, trailer, complete, refused };

  void step();
  std::optional<std::string_view> next_line(std::size_t limit, int status_beyond, const char* what);
  void read_request_line(std::string_view line);
  void read_target(std::string_view target);
  void read_version(std::string_view version);
  void read_header(std::string_view line);
  void read_special_header(std::string_view name, std::string_view value);
  void read_content_length(std::string_view value);
  void read_chunk_size(std::string_view line);
  void finish_head();
  void read_body_bytes(Phase next);
  void refuse(int status, std::string reason);

  const HttpLimits& limits_;
  std::string buffer_;
  std::size_t read_ = 0;     // Of the buffer: what has been parsed,
  std::size_t scanned_ = 0;  // and what has been searched for a line's end.
  Phase phase_ = Phase::request_line;
  bool starved_ = false;  // The current phase needs more bytes.
  HttpRequest current_;
  HttpRefusal refusal_;

  // Of the current request.
  int blank_lines_ = 0;
  std::size_t header_bytes_ = 0;
  int hosts_ = 0;
  std::optional<std::uint64_t> content_length_;
  bool chunked_ = false;
  bool expects_continue_ = false;
  std::uint64_t body_left_ = 0;
};

}  // namespace deimos::fake

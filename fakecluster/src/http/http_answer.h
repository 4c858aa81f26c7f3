// Writes answers as HTTP/1.1 text.
#pragma once

#include <string>
#include <string_view>

#include <deimos/fake/clock.h>
#include <deimos/transport.h>

#include "http/http_output.h"

namespace deimos::fake {

/// How the body of an answer is delimited.
enum class HttpFraming {
  length,       ///< By `Content-Length`; the whole body follows.
  length_only,  ///< The same header without a body: the answer to HEAD.
  chunked,      ///< Chunks follow, then append_last_chunk().
  until_close,  ///< Whatever comes until the connection closes: for HTTP/1.0.
};

/// The end of a head: what happens to the connection after the answer.
enum class HttpAfterwards { keep_alive, keep_alive_said, close };

void append_http_answer(HttpOutput& out, Response response, HttpFraming framing, HttpAfterwards afterwards,
                        std::string_view date);
void append_chunk(HttpOutput& out, const HttpOutput::Shared& text);
void append_last_chunk(HttpOutput& out);

/// `500 Internal Server Error` without the number; empty for a status that has no name.
[[nodiscard]] std::string_view http_reason(int status) noexcept;

/// `Sat, 21 Nov 2026 02:55:03 GMT`. Not thread-safe: it keeps the text of the last second.
class HttpDate {
 public:
  std::string_view text(Instant instant);

 private:
  std::chrono::sys_seconds second_{};
  std::string text_;
};

}  // namespace deimos::fake

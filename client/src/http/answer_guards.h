// What goes by of an answer, watched for what the HTTP library does not see to.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace deimos {

inline constexpr std::size_t longest_status_line = 256;
inline constexpr std::size_t longest_head = std::size_t{64} << 10;

/// Watches the head of an answer go by. The HTTP library limits neither its size nor the length of the status line, on
/// which it runs a recursive regular expression.
class HeadGuard {
 public:
  /// Null if all is well so far.
  const char* pass(std::string_view bytes) noexcept {
    for (const char c : bytes) {
      if (complete_) return nullptr;
      if (++size_ > longest_head) return "the head of the answer is longer than 64 KiB";
      constexpr std::string_view beginning = "HTTP/";
      const bool no_http =
          size_ <= beginning.size() ? c != beginning[size_ - 1] : first_line_ && size_ > longest_status_line;
      if (no_http) return "the answer does not begin with an HTTP status line";
      // Nobody asked for an interim answer (`HTTP/1.1 1xx`), and what follows one is not guarded.
      constexpr std::size_t position_of_status = 10;
      if (size_ == position_of_status && c == '1') return "an interim answer was not asked for";
      if (c == '\n') {
        first_line_ = false;
        complete_ = line_is_empty_;
        line_is_empty_ = true;
      } else if (c != '\r') {
        line_is_empty_ = false;
      }
    }
    return nullptr;
  }
  [[nodiscard]] bool complete() const noexcept { return complete_; }

 private:
  std::size_t size_ = 0;
  bool first_line_ = true;
  bool line_is_empty_ = true;
  bool complete_ = false;
};

/// Recognises the trailer of a chunked answer, at which older releases of the HTTP library give up: a line where only
/// the empty one is expected, behind the last chunk. All of the body is there by then.
class TrailerGuard {
 public:
  /// The library reads lines byte by byte, and what is in chunks in larger pieces.
  void pass(std::string_view bytes) {
    if (bytes.size() != 1) return reset();
    line_ += bytes.front();
    if (line_.size() > longest_head) return reset();
    if (bytes.front() != '\n') return;
    in_trailer_ = behind_last_chunk_ && line_ != "\r\n";
    behind_last_chunk_ = line_ == "0\r\n";
    line_.clear();
  }
  [[nodiscard]] bool in_trailer() const noexcept { return in_trailer_; }

 private:
  void reset() {
    line_.clear();
    behind_last_chunk_ = in_trailer_ = false;
  }

  std::string line_;
  bool behind_last_chunk_ = false;
  bool in_trailer_ = false;
};

}  // namespace deimos

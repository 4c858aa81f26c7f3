#include "http/http_request_parser.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <deimos/internal/http_token.h>

namespace deimos::fake {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool equals_ignoring_case(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Whether a comma-separated list has the word.
bool lists(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (equals_ignoring_case(trimmed(list.substr(0, comma)), word)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

void HttpRequestParser::append(std::string_view bytes) {
  constexpr std::size_t worth_moving = std::size_t{64} << 10;
  if (read_ == buffer_.size() || read_ >= worth_moving) {
    buffer_.erase(0, read_);
    scanned_ -= std::min(scanned_, read_);
    read_ = 0;
  }
  buffer_.append(bytes);
}

HttpRequestParser::State HttpRequestParser::parse() {
  starved_ = false;
  while (!starved_ && phase_ != Phase::complete && phase_ != Phase::refused) step();
  if (phase_ == Phase::complete) return State::complete;
  if (phase_ == Phase::refused) return State::refused;
  return phase_ == Phase::request_line && buffer_.empty() ? State::idle : State::partial;
}

HttpRequest HttpRequestParser::take() {
  HttpRequest request = std::exchange(current_, {});
  buffer_.erase(0, read_);
  read_ = scanned_ = 0;
  phase_ = Phase::request_line;
  blank_lines_ = hosts_ = 0;
  header_bytes_ = 0;
  content_length_.reset();
  chunked_ = expects_continue_ = false;
  body_left_ = 0;
  return request;
}

bool HttpRequestParser::take_expectation() noexcept {
  const bool body_awaited = phase_ == Phase::body || phase_ == Phase::chunk_size;
  return body_awaited && std::exchange(expects_continue_, false);
}

void HttpRequestParser::step() {
  switch (phase_) {
    case Phase::request_line:
      if (const auto line = next_line(limits_.request_line_bytes, 414, "the request line")) read_request_line(*line);
      break;
    case Phase::header:
    case Phase::trailer: {
      const std::size_t start = read_;
      const std::size_t left = limits_.header_bytes - std::min(header_bytes_, limits_.header_bytes);
      const auto line = next_line(left, 431, "the header");
      if (!line) break;
      header_bytes_ += read_ - start;
      if (!line->empty()) {
        read_header(*line);
      } else if (phase_ == Phase::header) {
        finish_head();
      } else {
        phase_ = Phase::complete;
      }
      break;
    }
    case Phase::body: read_body_bytes(Phase::complete); break;
    case Phase::chunk_size:
      if (const auto line = next_line(1024, 400, "the size of a chunk")) read_chunk_size(*line);
      break;
    case Phase::chunk: read_body_bytes(Phase::chunk_end); break;
    case Phase::chunk_end:
      if (const auto line = next_line(0, 400, "a chunk")) phase_ = Phase::chunk_size;
      break;
    case Phase::complete:
    case Phase::refused: break;
  }
}

/// The next line without its end, which is LF or CR LF; nothing if it is not complete yet, or longer than `limit`.
std::optional<std::string_view> HttpRequestParser::next_line(std::size_t limit, int status_beyond, const char* what) {
  const std::size_t end = buffer_.find('\n', std::max(scanned_, read_));
  std::size_t length = (end == std::string::npos ? buffer_.size() : end) - read_;
  if (length > 0 && buffer_[read_ + length - 1] == '\r') --length;
  if (length > limit) {
    refuse(status_beyond, std::string(what) + " is longer than allowed");
    return std::nullopt;
  }
  if (end == std::string::npos) {
    // Garbage should not have to be followed by a line's end to be called so.
    const auto line = std::string_view(buffer_).substr(read_, length);
    if (phase_ == Phase::request_line && !internal::is_http_token(line.substr(0, line.find(' '))) && !line.empty()) {
      refuse(400, "malformed request line");
    }
    scanned_ = buffer_.size();
    starved_ = true;
    return std::nullopt;
  }
  const auto line = std::string_view(buffer_).substr(read_, length);
  read_ = scanned_ = end + 1;
  return line;
}

void HttpRequestParser::read_request_line(std::string_view line) {
  if (line.empty() && ++blank_lines_ <= 2) {
    buffer_.erase(0, read_);  // Some clients end the request before with a line's end too many.
    read_ = scanned_ = 0;
    return;
  }
  const std::size_t method_end = line.find(' ');
  const std::size_t target_end = method_end == std::string_view::npos ? method_end : line.find(' ', method_end + 1);
  const std::string_view method = line.substr(0, method_end);
  if (target_end == std::string_view::npos || !internal::is_http_token(method))
    return refuse(400, "malformed request line");
  current_.request.method = method;
  phase_ = Phase::header;
  read_target(line.substr(method_end + 1, target_end - method_end - 1));
  read_version(line.substr(target_end + 1));
}

void HttpRequestParser::read_target(std::string_view target) {
  if (std::any_of(target.begin(), target.end(), is_control)) return refuse(400, "control byte in the request target");
  if (target == "*" && current_.request.method == "OPTIONS") target = "/";
  if (target.starts_with("http://") || target.starts_with("https://")) {  // Sent by those that take us for a proxy.
    const std::size_t host = target.find("//") + 2;
    target.remove_prefix(std::min(target.find_first_of("/?", host), target.size()));
    if (!target.starts_with('/')) current_.request.target = "/";
  } else if (!target.starts_with('/')) {
    return refuse(400, "the request target is neither a path nor an URL");
  }
  current_.request.target += target;
}

void HttpRequestParser::read_version(std::string_view version) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool well_formed = version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
                           version[6] == '.' && is_digit(version[7]);
  if (!well_formed) return refuse(400, "malformed HTTP version");
  if (version[5] != '1') return refuse(505, "only HTTP/1.x is spoken here");
  current_.may_chunk = current_.keep_alive = version[7] != '0';
}

void HttpRequestParser::read_header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !internal::is_http_token(line.substr(0, colon)))
    return refuse(400, "malformed header line");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (std::any_of(value.begin(), value.end(), [](char c) { return is_control(c) && c != '\t'; })) {
    return refuse(400, "control byte in a header");
  }
  if (phase_ == Phase::trailer) return;  // Nothing in a trailer concerns us.
  read_special_header(name, value);
}

void HttpRequestParser::read_special_header(std::string_view name, std::string_view value) {
  const auto is = [&](std::string_view other) { return equals_ignoring_case(name, other); };
  if (is("Host")) {
    ++hosts_;
  } else if (is("Content-Length")) {
    read_content_length(value);
  } else if (is("Transfer-Encoding")) {
    if (chunked_ || !equals_ignoring_case(value, "chunked")) return refuse(501, "unsupported transfer encoding");
    chunked_ = true;
  } else if (is("Expect")) {
    if (!equals_ignoring_case(value, "100-continue")) return refuse(417, "unknown expectation");
    expects_continue_ = true;
  } else if (is("Content-Type")) {
    if (current_.request.content_type.empty()) current_.request.content_type = value;
  } else {
    if (is("Connection")) {
      if (lists(value, "close")) {
        current_.keep_alive = false;
      } else if (lists(value, "keep-alive")) {
        current_.keep_alive = true;
      }
    }
    current_.request.headers.push_back({std::string(name), std::string(value)});
  }
}

void HttpRequestParser::read_content_length(std::string_view value) {
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  if (value.empty() || end != value.data() + value.size() || error == std::errc::invalid_argument) {
    return refuse(400, "the content length is not a number");
  }
  if (error == std::errc::result_out_of_range || length > limits_.body_bytes) {
    return refuse(413, "the body is longer than allowed");
  }
  if (content_length_ && *content_length_ != length) return refuse(400, "two content lengths that differ");
  content_length_ = length;
}

void HttpRequestParser::finish_head() {
  if (hosts_ > 1 || (hosts_ == 0 && current_.may_chunk)) return refuse(400, "there must be one Host header");
  if (chunked_ && (content_length_ || !current_.may_chunk)) {
    // Two ways to tell where the body ends are one too many: the next request may be hidden in the difference.
    return refuse(400, "a transfer encoding where the content length says the rest, or in HTTP/1.0");
  }
  body_left_ = content_length_.value_or(0);
  phase_ = chunked_ ? Phase::chunk_size : body_left_ > 0 ? Phase::body : Phase::complete;
}

void HttpRequestParser::read_chunk_size(std::string_view line) {
  const std::string_view digits = trimmed(line.substr(0, line.find(';')));
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
  if (digits.empty() || end != digits.data() + digits.size() || error == std::errc::invalid_argument) {
    return refuse(400, "the size of a chunk is not a number");
  }
  if (error == std::errc::result_out_of_range || size > limits_.body_bytes - current_.request.body.size()) {
    return refuse(413, "the body is longer than allowed");
  }
  body_left_ = size;
  phase_ = size > 0 ? Phase::chunk : Phase::trailer;
}

void HttpRequestParser::read_body_bytes(Phase next) {
  const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, buffer_.size() - read_));
  current_.request.body.append(buffer_, read_, count);
  read_ += count;
  body_left_ -= count;
  if (body_left_ == 0) {
    phase_ = next;
    return;
  }
  buffer_.clear();  // All of it was taken.
  read_ = scanned_ = 0;
  starved_ = true;
}

void HttpRequestParser::refuse(int status, std::string reason) {
  if (phase_ == Phase::refused) return;  // The first reason is the clearest.
  phase_ = Phase::refused;
  refusal_ = {status, std::move(reason)};
}

}  // namespace deimos::fake

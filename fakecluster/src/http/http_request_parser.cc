#include "http/http_request_parser.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <deimos/internal/http_token.h>

namespace deimos::fake {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::iequals;
using boost::beast::string_view;

constexpr std::size_t method_bytes = 32;
/// The line before a chunk, with its extensions, beside the headers that may follow the last one.
constexpr std::size_t chunk_line_bytes = 1024;

bool is_last_chunk(std::string_view line) {
  const std::size_t zeros = std::min(line.find_first_not_of('0'), line.size());
  return zeros > 0 && (zeros == line.size() || std::isxdigit(static_cast<unsigned char>(line[zeros])) == 0);
}

std::string_view standard(string_view text) { return {text.data(), text.size()}; }

/// `HTTP/2.0` is, but not ours.
bool is_well_formed_version(std::string_view request_line) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::size_t end_of_target = request_line.find(' ', request_line.find(' ') + 1);
  const std::string_view version = request_line.substr(end_of_target + 1);
  return version.size() == 10 && version.starts_with("HTTP/") && is_digit(version[5]) && version[6] == '.' &&
         is_digit(version[7]) && version.ends_with("\r\n");
}

HttpRefusal refusal_for(error_code error, std::string_view text) {
  switch (static_cast<http::error>(error.value())) {
    case http::error::bad_method: return {400, "malformed request line"};
    case http::error::bad_target: return {400, "malformed request line: no target, or a control byte in it"};
    case http::error::bad_version:
      if (is_well_formed_version(text)) return {505, "only HTTP/1.x is spoken here"};
      return {400, "malformed HTTP version"};
    case http::error::bad_content_length:
      return {400, "the content length is not a number, or two of them differ, or a transfer encoding says otherwise"};
    case http::error::bad_transfer_encoding: return {501, "unsupported transfer encoding"};
    case http::error::body_limit: return {413, "the body is longer than allowed"};
    case http::error::bad_chunk:
    case http::error::bad_chunk_extension: return {400, "malformed chunk"};
    case http::error::bad_value: return {400, "malformed header: a value with a control byte, or not of its kind"};
    default: return {400, "malformed header line"};
  }
}

}  // namespace

/// One request while it is read. What Beast finds goes straight into it.
class HttpRequestParser::Message final : public http::basic_parser<true> {
 public:
  explicit Message(const HttpLimits& limits) {
    header_limit(std::numeric_limits<std::uint32_t>::max());
    body_limit(limits.body_bytes);
  }

  HttpRequest request;
  HttpRefusal refusal{0, {}};  ///< With a status, once one of the rules below is broken.
  bool expects_continue = false;
  std::uint64_t left_of_chunk = 0;
  bool within_chunks = false;  ///< After the line of the first.

 private:
  void on_request_impl(http::verb /*verb*/, string_view method, string_view target, int version,
                       error_code& error) override {
    request.request.method = standard(method);
    request.may_chunk = version > 10;
    read_target(standard(target), error);
  }

  void read_target(std::string_view target, error_code& error) {
    std::string& path = request.request.target;
    if (target == "*" && request.request.method == "OPTIONS") target = "/";
    if (target.starts_with("http://") || target.starts_with("https://")) {  // Sent by those that take us for a proxy.
      const std::size_t host = target.find("//") + 2;
      target.remove_prefix(std::min(target.find_first_of("/?", host), target.size()));
      if (!target.starts_with('/')) path = "/";
    } else if (!target.starts_with('/')) {
      return refuse(400, "the request target is neither a path nor an URL", error);
    }
    path += target;
  }

  void on_field_impl(http::field field, string_view name, string_view value, error_code& error) override {
    if (is_header_done()) return;  // Nothing in a trailer concerns us.
    switch (field) {
      case http::field::host: ++hosts_; break;
      case http::field::content_length: return;
      case http::field::transfer_encoding:
        if (!iequals(value, "chunked")) refuse(501, "unsupported transfer encoding", error);
        return;
      case http::field::expect:
        expects_continue = iequals(value, "100-continue");
        if (!expects_continue) refuse(417, "unknown expectation", error);
        return;
      case http::field::content_type:
        if (request.request.content_type.empty()) request.request.content_type = standard(value);
        return;
      default: break;
    }
    request.request.headers.push_back({std::string(name), std::string(value)});
  }

  void on_header_impl(error_code& error) override {
    request.keep_alive = keep_alive();
    if (hosts_ > 1 || (hosts_ == 0 && request.may_chunk)) return refuse(400, "there must be one Host header", error);
    if (chunked() && !request.may_chunk) refuse(400, "a transfer encoding in HTTP/1.0", error);
  }

  std::size_t on_body_impl(string_view text, error_code& /*error*/) override {
    request.request.body.append(text.data(), text.size());
    return text.size();
  }
  std::size_t on_chunk_body_impl(std::uint64_t left, string_view text, error_code& error) override {
    left_of_chunk = left - text.size();
    return on_body_impl(text, error);
  }
  void on_chunk_header_impl(std::uint64_t size, string_view /*extensions*/, error_code& /*error*/) override {
    left_of_chunk = size;
    within_chunks = true;
  }

  void on_response_impl(int /*status*/, string_view /*reason*/, int /*version*/, error_code& /*error*/) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/, error_code& /*error*/) override {}
  void on_finish_impl(error_code& /*error*/) override {}

  void refuse(int status, std::string reason, error_code& error) {
    refusal = {status, std::move(reason)};
    error = http::error::bad_value;
  }

  int hosts_ = 0;
};

HttpRequestParser::HttpRequestParser(const HttpLimits& limits)
    : limits_(limits), message_(std::make_unique<Message>(limits)) {}

HttpRequestParser::~HttpRequestParser() = default;

void HttpRequestParser::append(std::string_view bytes) {
  constexpr std::size_t worth_moving = std::size_t{64} << 10;
  if (read_ == buffer_.size() || read_ >= worth_moving) {
    buffer_.erase(0, read_);
    scanned_ -= std::min(scanned_, read_);
    line_ -= std::min(line_, read_);
    read_ = 0;
  }
  buffer_.append(bytes);
}

HttpRequestParser::State HttpRequestParser::parse() {
  if (phase_ == Phase::request_line) find_request_line();
  if (phase_ == Phase::headers) find_headers();
  if (phase_ == Phase::body) read_body();
  if (phase_ == Phase::complete) return State::complete;
  if (phase_ == Phase::refused) return State::refused;
  return phase_ == Phase::request_line && buffered() == 0 ? State::idle : State::partial;
}

HttpRequest HttpRequestParser::take() {
  HttpRequest request = std::move(message_->request);
  message_ = std::make_unique<Message>(limits_);
  buffer_.erase(0, read_);
  if (buffer_.empty()) buffer_.shrink_to_fit();  // A connection may be idle for long.
  read_ = scanned_ = line_ = 0;
  blank_lines_ = 0;
  phase_ = Phase::request_line;
  return request;
}

bool HttpRequestParser::take_expectation() noexcept {
  return phase_ == Phase::body && std::exchange(message_->expects_continue, false);
}

void HttpRequestParser::find_request_line() {
  std::size_t end = buffer_.find('\n', std::max(scanned_, read_));
  while (end == read_ + 1 && buffer_[read_] == '\r' && ++blank_lines_ <= 2) {
    read_ = end + 1;  // Some clients end the request before with a line's end too many.
    end = buffer_.find('\n', read_);
  }
  scanned_ = line_ = end == std::string::npos ? buffer_.size() : end + 1;
  const auto line = std::string_view(buffer_).substr(read_, scanned_ - read_);
  if (line.size() > limits_.request_line_bytes + 2) return refuse(414, "the request line is longer than allowed");
  // Garbage should not have to be followed by a line's end to be called so.
  const auto method = line.substr(0, line.find_first_of(" \r\n"));
  if (method.size() > method_bytes || !(line.empty() || line == "\r" || internal::is_http_token(method))) {
    return refuse(400, "malformed request line");
  }
  if (end == std::string::npos) return;
  phase_ = Phase::headers;
  if (give(line.size()) == 0) refuse(400, "malformed request line: it must end in CR LF");
}

/// Beast gets them all at once: lines that are folded begin before it is known that they end.
void HttpRequestParser::find_headers() {
  bool complete = false;
  while (!complete) {
    const std::size_t end = buffer_.find('\n', scanned_);
    if (end == std::string::npos) break;
    if (end == line_ || buffer_[end - 1] != '\r') return refuse(400, "malformed header: a line must end in CR LF");
    complete = end == line_ + 1;
    scanned_ = line_ = end + 1;
  }
  if (!complete) scanned_ = buffer_.size();
  if (scanned_ - read_ > limits_.header_bytes + 2) return refuse(431, "the header is longer than allowed");
  if (!complete) return;
  phase_ = Phase::body;
  give(scanned_ - read_);
}

void HttpRequestParser::read_body() {
  const std::size_t most = chunk_line_bytes + limits_.header_bytes;
  while (!message_->is_done()) {
    const std::size_t before = message_->request.request.body.size();
    const std::size_t ready = ready_bytes();
    const std::size_t taken = ready == 0 ? 0 : give(ready);
    const std::size_t beside_body = taken - (message_->request.request.body.size() - before);
    if (beside_body > most || (ready == 0 && buffered() > most)) {
      return refuse(431, "the line before a chunk, or what follows the last, is longer than allowed");
    }
    if (ready == 0 || phase_ == Phase::refused) return;
    if (taken == 0) return refuse(400, "malformed chunk");
  }
  phase_ = Phase::complete;
}

/// How many of the next bytes of the body can be given. Of what surrounds chunks that is a whole line, and the last
/// with all that follows it: Beast takes other decisions when it has more than that, or less.
std::size_t HttpRequestParser::ready_bytes() const {
  if (!message_->chunked() || message_->left_of_chunk > 0) return buffered();
  const std::size_t begin = message_->within_chunks ? 2 : 0;  // Each begins with the end of the one before.
  const auto text = std::string_view(buffer_).substr(read_);
  const std::size_t end = text.find('\n', begin);
  if (end == std::string_view::npos) return 0;
  if (!is_last_chunk(text.substr(begin, end - begin))) return end + 1;
  const std::size_t end_of_trailer = text.find("\r\n\r\n", end - 1);
  return end_of_trailer == std::string_view::npos ? 0 : end_of_trailer + 4;
}

/// How many of the next `count` bytes the message has taken; none if it needs more.
std::size_t HttpRequestParser::give(std::size_t count) {
  error_code error;
  const std::string_view text(buffer_.data() + read_, count);
  const std::size_t taken = message_->put(boost::asio::const_buffer(text.data(), text.size()), error);
  read_ += taken;
  if (error && error != http::error::need_more) {
    HttpRefusal reason = message_->refusal.status != 0 ? std::move(message_->refusal) : refusal_for(error, text);
    refuse(reason.status, std::move(reason.reason));
  }
  return taken;
}

void HttpRequestParser::refuse(int status, std::string reason) {
  if (phase_ == Phase::refused) return;  // The first reason is the clearest.
  phase_ = Phase::refused;
  refusal_ = {status, std::move(reason)};
}

}  // namespace deimos::fake

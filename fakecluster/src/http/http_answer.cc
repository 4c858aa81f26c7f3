#include "http/http_answer.h"

#include <array>
#include <charconv>
#include <ctime>
#include <memory>
#include <utility>

namespace deimos::fake {
namespace {

void append_number(std::string& out, std::size_t number, int base = 10) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  out.append(digits.data(), end);
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

void append_http_answer(HttpOutput& output, Response response, HttpFraming framing, HttpAfterwards afterwards,
                        std::string_view date) {
  std::string& out = output.text();
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(response.status));
  out.append(" ").append(http_reason(response.status)).append("\r\n");
  for (const Header& header : response.headers) append_header(out, header.name, header.value);
  append_header(out, "Date", date);
  if (framing == HttpFraming::length || framing == HttpFraming::length_only) {
    out.append("Content-Length: ");
    append_number(out, response.body.size());
    out.append("\r\n");
  } else if (framing == HttpFraming::chunked) {
    append_header(out, "Transfer-Encoding", "chunked");
  }
  if (afterwards == HttpAfterwards::close) append_header(out, "Connection", "close");
  if (afterwards == HttpAfterwards::keep_alive_said) append_header(out, "Connection", "keep-alive");
  out.append("\r\n");
  if (framing == HttpFraming::length) output.share(std::make_shared<const std::string>(std::move(response.body)));
}

void append_chunk(HttpOutput& out, const HttpOutput::Shared& text) {
  if (text->empty()) return;  // An empty chunk would be the last.
  append_number(out.text(), text->size(), 16);
  out.text().append("\r\n");
  out.share(text);
  out.text().append("\r\n");
}

void append_last_chunk(HttpOutput& out) { out.text().append("0\r\n\r\n"); }

std::string_view http_reason(int status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 301: return "Moved Permanently";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Payload Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "";
  }
}

std::string_view HttpDate::text(Instant instant) {
  const auto second = std::chrono::floor<std::chrono::seconds>(instant);
  if (text_.empty() || second != second_) {
    second_ = second;
    const std::time_t time = std::chrono::system_clock::to_time_t(second);
    std::tm parts{};
    gmtime_r(&time, &parts);
    constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    // Not by strftime's names of days and months: those are of the program's locale.
    std::array<char, 40> rest{};
    text_ = days[static_cast<std::size_t>(parts.tm_wday)];
    text_.append(rest.data(), std::strftime(rest.data(), rest.size(), ", %d ", &parts));
    text_ += months[static_cast<std::size_t>(parts.tm_mon)];
    text_.append(rest.data(), std::strftime(rest.data(), rest.size(), " %Y %H:%M:%S GMT", &parts));
  }
  return text_;
}

}  // namespace deimos::fake

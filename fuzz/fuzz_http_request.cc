// The bytes of a connection into the reader of HTTP requests. An input is one byte that says how to cut it, then what
// the client sends.
//
// Checked besides crashes: however the bytes are cut up, the same requests come out; limits hold; a connection that was
// refused says why and stays so.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "http/http_request_parser.h"

namespace {

using deimos::fake::HttpLimits;
using deimos::fake::HttpRequest;
using deimos::fake::HttpRequestParser;
using State = HttpRequestParser::State;

HttpLimits small_limits() {
  HttpLimits limits;
  limits.request_line_bytes = 200;
  limits.header_bytes = 300;
  limits.body_bytes = 400;
  return limits;
}

void require(bool holds, std::string_view what) {
  if (holds) return;
  std::cerr << what << "\n";
  std::abort();
}

struct Outcome {
  std::vector<std::string> requests;
  State state = State::idle;
  bool operator==(const Outcome&) const = default;
};

/// All that a request is, as text to compare.
std::string text_of(const HttpRequest& taken, const HttpLimits& limits) {
  const deimos::Request& request = taken.request;
  require(!request.method.empty() && request.target.starts_with('/'), "a request without a method or a path");
  require(request.target.size() <= limits.request_line_bytes, "a target beyond the limit");
  require(request.body.size() <= limits.body_bytes, "a body beyond the limit");
  std::string text = request.method + '\n' + request.target + '\n' + request.content_type + '\n';
  for (const deimos::Header& header : request.headers) {
    require(header.value.find('\n') == std::string::npos, "a header of two lines");
    text += header.name + ": " + header.value + '\n';
  }
  return text + (taken.keep_alive ? 'k' : '-') + (taken.may_chunk ? 'c' : '-') + request.body;
}

Outcome read_in_pieces(std::string_view bytes, std::size_t piece, const HttpLimits& limits) {
  HttpRequestParser parser(limits);
  Outcome outcome;
  do {
    parser.append(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while ((outcome.state = parser.parse()) == State::complete) {
      outcome.requests.push_back(text_of(parser.take(), limits));
    }
  } while (!bytes.empty() && outcome.state != State::refused);
  if (outcome.state == State::refused) {
    require(parser.refusal().status >= 400 && !parser.refusal().reason.empty(), "a refusal that does not say why");
    parser.append("GET /keys HTTP/1.1\r\nHost: a\r\n\r\n");
    require(parser.parse() == State::refused, "a refused connection went on");
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  static const HttpLimits limits = small_limits();
  const Outcome whole = read_in_pieces(bytes, bytes.size() + 1, limits);
  require(read_in_pieces(bytes, 1, limits) == whole, "byte by byte, it reads otherwise");
  require(read_in_pieces(bytes, std::size_t{data[0]} + 2, limits) == whole, "in pieces, it reads otherwise");
  return 0;
}

#include <array>
#include <cstdint>

#include "protocol/answer_writer.h"

namespace deimos::fake {
namespace {

/// Bytes that stand for themselves in Go's JSON; of ASCII all but control characters and `"`, `\`, `<`, `>`, `&`.
constexpr std::array<bool, 256> plain = [] {
  std::array<bool, 256> table{};
  for (std::size_t byte = 0x20; byte < 0x80; ++byte) table[byte] = true;
  for (const char c : {'"', '\\', '<', '>', '&'}) table[static_cast<unsigned char>(c)] = false;
  return table;
}();

constexpr bool is_continuation(unsigned byte) noexcept { return (byte & 0xc0U) == 0x80U; }

/// The length of the UTF-8 sequence that `text` starts with, 0 if it is not valid.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
  const unsigned lead = byte(0);
  if (lead >= 0xc2 && lead <= 0xdf) return is_continuation(byte(1)) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool shortest = lead != 0xe0 || byte(1) >= 0xa0;
    const bool no_surrogate = lead != 0xed || byte(1) < 0xa0;
    return shortest && no_surrogate && is_continuation(byte(1)) && is_continuation(byte(2)) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool in_range = (lead != 0xf0 || byte(1) >= 0x90) && (lead != 0xf4 || byte(1) < 0x90);
    return in_range && is_continuation(byte(1)) && is_continuation(byte(2)) && is_continuation(byte(3)) ? 4 : 0;
  }
  return 0;
}

void append_escaped(std::string& out, unsigned char byte) {
  constexpr std::string_view digits = "0123456789abcdef";
  switch (byte) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: out.append("\\u00").append({digits[byte >> 4U], digits[byte & 15U]});
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && plain[static_cast<unsigned char>(text[end])]) ++end;
    out.append(text.substr(at, end - at));
    at = end;
    if (at == text.size()) break;
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      append_escaped(out, static_cast<unsigned char>(text[at]));
      ++at;
      continue;
    }
    const std::size_t length = sequence_length(text.substr(at));
    const std::string_view sequence = text.substr(at, length);
    if (length == 0) {
      out += "\\ufffd";
    } else if (sequence == "\xe2\x80\xa8") {
      out += "\\u2028";
    } else if (sequence == "\xe2\x80\xa9") {
      out += "\\u2029";
    } else {
      out += sequence;
    }
    at += length == 0 ? 1 : length;
  }
  out += '"';
}

}  // namespace deimos::fake

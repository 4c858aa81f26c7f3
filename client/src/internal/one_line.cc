#include <deimos/internal/one_line.h>

#include <algorithm>
#include <cstddef>

#include <deimos/internal/utf8.h>

namespace deimos::internal {
namespace {

bool is_plain(char c) noexcept { return c >= ' ' && c <= '~'; }

/// Controls (C1, U+0080 to U+009F), line and paragraph separators, and what changes the direction of writing.
bool is_harmful(std::string_view sequence) noexcept {
  if (sequence.size() == 2) return sequence[0] == '\xc2' && sequence[1] < '\xa0';
  if (sequence.size() != 3 || sequence[0] != '\xe2') return false;
  const auto second = static_cast<unsigned char>(sequence[1]);
  const auto third = static_cast<unsigned char>(sequence[2]);
  if (second == 0x80) return third == 0x8e || third == 0x8f || (third >= 0xa8 && third <= 0xae);
  return second == 0x81 && third >= 0xa6 && third <= 0xa9;
}

void append_escaped(std::string& out, std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += "\\x";
    out += digits[byte >> 4U];
    out += digits[byte & 0xfU];
  }
}

}  // namespace

std::string one_line(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), is_plain)) return std::string(text);
  std::string line;
  line.reserve(text.size() + 16);
  while (!text.empty()) {
    const std::size_t valid = utf8_length(text);
    const std::string_view sequence = text.substr(0, std::max<std::size_t>(valid, 1));
    const bool shown = valid > 1 ? !is_harmful(sequence) : valid == 1 && is_plain(sequence[0]);
    if (shown) {
      line += sequence;
    } else {
      append_escaped(line, sequence);
    }
    text.remove_prefix(sequence.size());
  }
  return line;
}

}  // namespace deimos::internal

#include "protocol/base64.h"

#include <array>
#include <cstdint>

namespace deimos::fake {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_digit = 0xff;

constexpr std::array<std::uint8_t, 256> make_digits() {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(no_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    digits[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return digits;
}
constexpr std::array<std::uint8_t, 256> base64_digits = make_digits();

bool breaks_line(char c) noexcept { return c == '\n' || c == '\r'; }

std::size_t skip_breaks(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && breaks_line(text[at])) ++at;
  return at;
}

/// The last digits of a text, of which `count` were read, and padding from `at` on: the place that is wrong, or npos.
std::size_t wrong_padding(std::string_view text, std::size_t at, int count) noexcept {
  if (count < 2) return at;
  std::size_t next = at + 1;
  if (count == 2) {
    next = skip_breaks(text, next);
    if (next == text.size()) return text.size();
    if (text[next] != '=') return next - 1;
    ++next;
  }
  next = skip_breaks(text, next);
  return next < text.size() ? next : std::string_view::npos;
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  const auto digit = [&](std::uint32_t group, int place) { out += alphabet[group >> (6 * place) & 0x3f]; };
  const auto byte = [&](std::size_t at) {
    return at < bytes.size() ? std::uint32_t{static_cast<unsigned char>(bytes[at])} : 0U;
  };
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::uint32_t group = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
    digit(group, 3);
    digit(group, 2);
    if (at + 1 < bytes.size()) digit(group, 1);
    if (at + 2 < bytes.size()) digit(group, 0);
  }
  out.append((3 - bytes.size() % 3) % 3, '=');
}

tl::expected<std::string, std::size_t> decode_base64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  int count = 0;
  const auto append = [&](int whole) {
    for (int place = 2; place > 2 - whole; --place) bytes += static_cast<char>(group >> (8 * place) & 0xff);
    group = 0;
    count = 0;
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (breaks_line(text[at])) continue;
    if (text[at] == '=') {
      const std::size_t wrong = wrong_padding(text, at, count);
      if (wrong != std::string_view::npos) return tl::unexpected(wrong);
      group <<= 6 * (4 - count);
      append(count - 1);
      return bytes;
    }
    const std::uint8_t value = base64_digits[static_cast<unsigned char>(text[at])];
    if (value == no_digit) return tl::unexpected(at);
    group = group << 6 | value;
    if (++count == 4) append(3);
  }
  if (count != 0) return tl::unexpected(text.size() - static_cast<std::size_t>(count));
  return bytes;
}

}  // namespace deimos::fake

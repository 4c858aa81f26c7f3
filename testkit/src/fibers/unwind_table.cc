#include "fibers/unwind_table.h"

#include <cstring>
#include <string_view>

// What the unwinder itself asks for the description of the code at an address.
extern "C" const void* description_of_frame(const void* code, void* bases) __asm__("_Unwind_Find_FDE");

namespace deimos::testkit {
namespace {

// How a number is written: its format in the lower half, what it is relative to in the upper.
constexpr unsigned char omitted = 0xff;
constexpr unsigned char as_uleb128 = 0x01;
constexpr unsigned char as_4_bytes = 0x03;
constexpr unsigned char as_signed_4_bytes = 0x0b;
constexpr unsigned char format_mask = 0x0f;
constexpr unsigned char relative_to_itself = 0x10;
constexpr unsigned char relative_mask = 0x70;

std::uint64_t take_uleb128(const unsigned char*& at) {
  std::uint64_t number = 0;
  for (unsigned shift = 0;; shift += 7) {
    const unsigned char byte = *at++;
    number |= std::uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) == 0) return number;
  }
}

template <typename Number>
Number take(const unsigned char*& at) {
  Number number{};
  std::memcpy(&number, at, sizeof number);
  at += sizeof number;
  return number;
}

/// An address in 4 bytes, relative to themselves; null if they are 0.
const unsigned char* take_address(const unsigned char*& at) {
  const unsigned char* const base = at;
  const auto distance = take<std::int32_t>(at);
  return distance == 0 ? nullptr : base + distance;
}

bool is_short_relative(unsigned char encoding) {
  return (encoding & format_mask) == as_signed_4_bytes && (encoding & relative_mask) == relative_to_itself;
}

/// What the descriptions of parts have in common: how their addresses are written. False if not as position-independent
/// code has it.
bool is_as_we_know(const unsigned char* common, bool& has_table) {
  constexpr std::size_t fixed = 9;  // Length, mark, version.
  const unsigned char version = common[fixed - 1];
  const std::string_view letters(reinterpret_cast<const char*>(common + fixed));
  const unsigned char* at = common + fixed + letters.size() + 1;
  take_uleb128(at);
  take_uleb128(at);
  version == 1 ? static_cast<void>(++at) : static_cast<void>(take_uleb128(at));
  if (!letters.starts_with('z')) return false;
  take_uleb128(at);
  for (const char letter : letters.substr(1)) {
    if (letter == 'S' || letter == 'B') continue;
    const unsigned char encoding = *at++;
    if (!is_short_relative(encoding)) return false;
    if (letter == 'P') at += sizeof(std::int32_t);
    if (letter == 'L') has_table = true;
  }
  return true;
}

}  // namespace

std::optional<CodePart> part_at(const void* code) {
  struct {
    void* text;
    void* data;
    void* function;
  } bases{};
  const auto* at = static_cast<const unsigned char*>(description_of_frame(code, &bases));
  if (at == nullptr) return std::nullopt;
  static_cast<void>(take<std::uint32_t>(at));
  const unsigned char* const here = at;
  bool has_table = false;
  if (!is_as_we_know(here - take<std::int32_t>(at), has_table)) return std::nullopt;
  CodePart part;
  part.begin = take_address(at);
  part.size = take<std::uint32_t>(at);
  take_uleb128(at);
  if (has_table) part.table = take_address(at);
  return part;
}

CallSites::CallSites(const void* table) : at_(static_cast<const unsigned char*>(table)) {
  end_ = at_;
  if (*at_++ != omitted) return;  // Landing pads that lie elsewhere.
  if (*at_++ != omitted) take_uleb128(at_);
  encoding_ = *at_++;
  const std::uint64_t length = take_uleb128(at_);
  if (encoding_ == as_uleb128 || encoding_ == as_4_bytes) end_ = at_ + length;
}

std::optional<CallSite> CallSites::next() {
  if (at_ >= end_) return std::nullopt;
  CallSite site;
  site.start = value();
  site.length = value();
  site.landing_pad = value();
  take_uleb128(at_);  // What it catches.
  return site;
}

std::uint64_t CallSites::value() { return encoding_ == as_uleb128 ? take_uleb128(at_) : take<std::uint32_t>(at_); }

}  // namespace deimos::testkit

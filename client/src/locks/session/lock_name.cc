#include "locks/session/lock_name.h"

#include <algorithm>
#include <cstddef>
#include <string>

namespace deimos {
namespace {

constexpr std::size_t longest_name = 512;
constexpr std::size_t longest_owner = 200;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// The length of the UTF-8 sequence at the start of `text`; 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return 0;
  }
  // Overlong forms, surrogates, beyond U+10FFFF.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)) return 0;
  if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
  return length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

/// Why `text` is no path of parts, or nothing. `may_hide`: parts may begin with `_`.
std::string fault_of(std::string_view text, bool may_hide) {
  if (text.size() > longest_name) return "is longer than 512 bytes";
  if (std::any_of(text.begin(), text.end(), is_control)) return "has a control character";
  if (!is_utf8(text)) return "is not UTF-8";
  for (std::string_view rest = text;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part.empty()) return text.empty() ? "is empty" : "has an empty part (a slash at an end, or two in a row)";
    if (part == "." || part == "..") return "has a part '.' or '..'";
    if (part.front() == '_' && !may_hide) return "has a part that begins with '_', which the store hides from lists";
    if (slash == std::string_view::npos) return "";
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace

std::optional<Error> check_lock_name(std::string_view name) {
  const std::string fault = fault_of(name, false);
  if (fault.empty()) return std::nullopt;
  return fail(errc::invalid_key, "the lock name '" + std::string(name.substr(0, 80)) + "' " + fault).value();
}

std::optional<Error> check_lock_prefix(std::string_view prefix) {
  const auto refuse = [&](const std::string& fault) {
    return fail(errc::invalid_argument, "the prefix '" + std::string(prefix.substr(0, 80)) + "' " + fault).value();
  };
  if (prefix.empty() || prefix.front() != '/') return refuse("does not begin with '/'");
  prefix.remove_prefix(1);
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (prefix.empty()) return std::nullopt;
  const std::string fault = fault_of(prefix, true);
  if (fault.empty()) return std::nullopt;
  return refuse(fault);
}

std::optional<Error> check_lock_owner(std::string_view owner) {
  const bool fits =
      owner.size() <= longest_owner && is_utf8(owner) && std::none_of(owner.begin(), owner.end(), is_control);
  if (fits) return std::nullopt;
  return fail(errc::invalid_argument, "the owner is at most 200 bytes of printable UTF-8").value();
}

}  // namespace deimos

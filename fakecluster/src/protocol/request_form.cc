#include "protocol/request_form.h"

#include <algorithm>
#include <utility>

#include <deimos/internal/ascii.h>
#include <deimos/internal/percent_coding.h>

namespace deimos::fake {
namespace {

/// `text` as a Go string literal, for texts as short as a bad escape.
std::string quoted(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string literal = "\"";
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0U;
    if (byte == '"' || byte == '\\') {
      literal += {'\\', text[at]};
    } else if (byte >= 0x20 && byte < 0x7f) {
      literal += text[at];
    } else if (byte >= 7 && byte <= 13) {
      literal += {'\\', "abtnvfr"[byte - 7]};
    } else if (byte >= 0xc3 && byte <= 0xdf && (next & 0xc0U) == 0x80) {  // A letter of two bytes.
      literal += {text[at], text[at + 1]};
      ++at;
    } else {
      literal += {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
    }
  }
  return literal += '"';
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c < 0x7f && std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
  });
}

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = std::min(text.find_first_not_of(blanks), text.size());
  const std::size_t last = text.find_last_not_of(blanks);
  return last == std::string_view::npos ? std::string_view{} : text.substr(first, last - first + 1);
}

}  // namespace

std::optional<std::size_t> FieldNames::find(std::string_view name) const noexcept {
  if (name.empty()) return std::nullopt;
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names_.begin());
}

std::optional<std::string> Form::add(std::string_view encoded) {
  std::optional<std::string_view> bad_escape;
  bool semicolon = false;
  while (!encoded.empty()) {
    const std::size_t end = std::min(encoded.find('&'), encoded.size());
    const std::string_view pair = encoded.substr(0, end);
    encoded.remove_prefix(std::min(end + 1, encoded.size()));
    if (pair.find(';') != std::string_view::npos) {
      semicolon = true;
      continue;
    }
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals);
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    auto bad = internal::find_bad_escape(name);
    if (!bad) bad = internal::find_bad_escape(value);
    if (bad) {
      if (!bad_escape) bad_escape = bad;
      continue;
    }
    const bool plain = name.find_first_of("%+") == std::string_view::npos;
    if (const auto field = plain ? names_.find(name) : names_.find(internal::percent_decode(name, true))) {
      if (!given_[*field].given) given_[*field] = {value, true};
    }
  }
  if (semicolon) return "invalid semicolon separator in query";
  if (bad_escape) return "invalid URL escape " + quoted(*bad_escape);
  return std::nullopt;
}

std::string Form::get(FormField field) const { return internal::percent_decode(place(field).encoded, true); }

FormType FormType::of(std::string_view content_type) {
  if (content_type == "application/x-www-form-urlencoded") return {true, {}};
  const std::size_t end = std::min(content_type.find(';'), content_type.size());
  std::string type(trimmed(content_type.substr(0, end)));
  if (type.empty()) return {false, content_type.empty() ? "" : "mime: no media type"};
  for (char& c : type) c = internal::to_lower(c);
  const std::size_t slash = std::min(type.find('/'), type.size());
  if (!is_token(std::string_view(type).substr(0, slash))) return {false, "mime: no media type"};
  if (slash != type.size() && !is_token(std::string_view(type).substr(slash + 1))) {
    return {false, "mime: unexpected content after media subtype"};
  }
  for (std::string_view rest = content_type.substr(end); !trimmed(rest).empty() && trimmed(rest) != ";";) {
    rest.remove_prefix(1);
    const std::string_view parameter = rest.substr(0, std::min(rest.find(';'), rest.size()));
    const std::size_t equals = parameter.find('=');
    const bool valid = equals != std::string_view::npos && is_token(trimmed(parameter.substr(0, equals))) &&
                       !parameter.substr(equals + 1).empty();
    if (!valid) return {false, "mime: invalid media parameter"};
    rest.remove_prefix(parameter.size());
  }
  return {type == "application/x-www-form-urlencoded", {}};
}

}  // namespace deimos::fake

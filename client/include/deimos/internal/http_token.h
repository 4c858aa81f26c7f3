// Tokens of HTTP (RFC 9110, section 5.6.2): methods and header names. Not part of the public interface.
#pragma once

#include <algorithm>
#include <string_view>

namespace deimos::internal {

[[nodiscard]] constexpr bool is_http_token(std::string_view text) noexcept {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  });
}

}  // namespace deimos::internal

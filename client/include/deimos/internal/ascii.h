// Letters of ASCII, whatever the locale. Not part of the public interface.
#pragma once

namespace deimos::internal {

[[nodiscard]] constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace deimos::internal

// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing beyond U+10FFFF. Not part of the public
// interface.
#pragma once

#include <cstddef>
#include <string_view>

#include <deimos/internal/export.h>

namespace deimos::internal {

/// The length of the valid sequence at the start of `text`, 1 to 4 bytes; 0 if there is none.
[[nodiscard]] DEIMOS_EXPORT std::size_t utf8_length(std::string_view text) noexcept;
[[nodiscard]] DEIMOS_EXPORT bool is_utf8(std::string_view text) noexcept;

}  // namespace deimos::internal

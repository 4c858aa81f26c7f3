// Percent-encoding of RFC 3986, both ways. Not part of the public interface.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <deimos/internal/export.h>

namespace deimos::internal {

/// Appends `text` with every byte as `%XX` but letters, digits and those in `kept`.
DEIMOS_EXPORT void append_percent_encoded(std::string& out, std::string_view text, std::string_view kept);

/// The first `%` of `text` that is not followed by two hexadecimal digits, with up to two bytes after it.
[[nodiscard]] DEIMOS_EXPORT std::optional<std::string_view> find_bad_escape(std::string_view text) noexcept;

/// `text`, which must have no bad escape, decoded; `+` is a space if `plus_is_space`.
[[nodiscard]] DEIMOS_EXPORT std::string percent_decode(std::string_view text, bool plus_is_space);

}  // namespace deimos::internal

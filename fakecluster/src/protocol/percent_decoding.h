// Percent-decoding as Go does it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace deimos::fake {

/// The first `%` of `text` that is not followed by two hexadecimal digits, with up to two bytes after it.
[[nodiscard]] std::optional<std::string_view> find_bad_escape(std::string_view text) noexcept;

/// `text`, which must have no bad escape, decoded; `+` is a space if `plus_is_space`.
[[nodiscard]] std::string percent_decode(std::string_view text, bool plus_is_space);

/// `path` as Go writes a path into an URL.
[[nodiscard]] std::string percent_encode_path(std::string_view path);

}  // namespace deimos::fake

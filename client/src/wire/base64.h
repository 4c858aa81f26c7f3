// Base64 of RFC 4648, with the standard alphabet and padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace deimos {

[[nodiscard]] std::string encode_base64(std::string_view bytes);
/// Nothing if `text` is not what encode_base64() makes of some bytes.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

}  // namespace deimos

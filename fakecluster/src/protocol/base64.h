// Base64 in JSON, as Go reads and writes it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include <deimos/internal/export.h>

namespace deimos::fake {

DEIMOS_EXPORT void append_base64(std::string& out, std::string_view bytes);
/// Line breaks mean nothing. Refused: the place that Go complains of.
[[nodiscard]] tl::expected<std::string, std::size_t> decode_base64(std::string_view text);

}  // namespace deimos::fake

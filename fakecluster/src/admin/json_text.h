// Text and JSON values.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace deimos::fake {

/// Fields stay in the order in which they are written.
using Json = nlohmann::ordered_json;

/// Throws std::invalid_argument for anything but one JSON value, or if an object has a field twice.
[[nodiscard]] Json parse_json(std::string_view text);
/// One line; bytes that are no UTF-8 become U+FFFD.
[[nodiscard]] std::string text_of(const Json& json);

}  // namespace deimos::fake

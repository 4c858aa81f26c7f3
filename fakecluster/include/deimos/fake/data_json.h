// Stored data as JSON, as the admin API and files have it:
//
//   {"entries": [{"key": "/config", "directory": true},
//                {"key": "/config/rate", "value": "100", "ttl": "30s"}]}
//
// With indexes, also `"index"` of the whole and `"created_index"` and `"modified_index"` of each entry. A key or value
// that is not UTF-8 is there percent-encoded, as `"encoded_key"` or `"encoded_value"`.
#pragma once

#include <string>
#include <string_view>

#include <deimos/fake/data.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

/// An entry a line; what is written reads back as the same.
[[nodiscard]] DEIMOS_EXPORT std::string to_json(const Data& data);
/// Throws std::invalid_argument, saying what is wrong and where, for anything but one JSON value as above.
[[nodiscard]] DEIMOS_EXPORT Data data_from_json(std::string_view text);

}  // namespace deimos::fake

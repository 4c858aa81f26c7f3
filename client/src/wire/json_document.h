// The JSON objects that the store sends: an event or an error. One reader serves both.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <deimos/node.h>

#include <tl/expected.hpp>

namespace deimos {

/// All fields that the store's objects have; which of them must be there is for the caller to say.
struct JsonDocument {
  std::optional<std::string> action;
  std::optional<Node> node;
  std::optional<Node> prev_node;
  std::optional<std::uint64_t> error_code;
  std::string message;
  std::string cause;
  std::uint64_t index = 0;
};

/// Reads one JSON object that fills `text` but for white space. Unknown fields are skipped. Refused, with a sentence
/// that says what and where: anything that is not JSON, known fields of a wrong type or given twice, nodes without
/// `key`, `modifiedIndex` or `createdIndex` (with `nameless_root`, a root has none of them), and nesting that could
/// exhaust the stack of whoever handles the result.
[[nodiscard]] tl::expected<JsonDocument, std::string> read_json_document(std::string_view text,
                                                                         bool nameless_root = false);

}  // namespace deimos

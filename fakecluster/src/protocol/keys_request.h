// What a request to /keys asks of the store.
#pragma once

#include <cstddef>
#include <string>
#include <variant>

#include <tl/expected.hpp>

#include <deimos/error.h>
#include <deimos/fake/command.h>
#include <deimos/transport.h>
#include "store/watcher_hub.h"

#include "protocol/keys_dialect.h"
#include "protocol/request_target.h"

namespace deimos::fake {

struct Lookup {
  std::string key;
  bool recursive = false;
  bool sorted = false;
  bool local = false;  ///< From what the node asked has applied.
};

struct Write {
  Command command;
  bool brief = false;  ///< The answer of what set a value shows neither node.
};

using KeysRequest = std::variant<Lookup, Watch, Write>;

/// A request that was refused before it came to the store.
struct ParseError {
  errc code = errc::invalid_field;
  std::string cause;
};

/// Reads a request for a key, by a method of the dialect. `now` is the accepting node's clock, from which a `ttl`
/// counts; a form beyond `form_limit` bytes is refused.
[[nodiscard]] tl::expected<KeysRequest, ParseError> parse_keys_request(const KeysDialect& dialect,
                                                                       const Request& request, Target target,
                                                                       Instant now, std::size_t form_limit);

}  // namespace deimos::fake

// What a node makes of a request before anybody else is asked: the answer, or what is asked of the store.
#pragma once

#include <string_view>
#include <variant>

#include <deimos/fake/node_options.h>
#include <deimos/transport.h>

#include "protocol/keys_request.h"

namespace deimos::fake {

/// `now` is the node's clock; `machines` what `/machines` says.
[[nodiscard]] std::variant<Response, KeysRequest> read_request(const Request& request, const NodeLimits& limits,
                                                               std::string_view machines, Instant now);

}  // namespace deimos::fake

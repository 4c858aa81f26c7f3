// In what two answers differ that a client can rely on.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace deimos::fake {

using Json = nlohmann::ordered_json;

/// Puts what a listing shows into the order of its keys: of one that was not asked for sorted, the order means nothing.
void sort_nodes(Json& node);

/// Where `actual` differs, as a sentence that begins with `name`; empty if it does not. The order of members counts. An
/// `expiration` may be any instant, a `ttl` or `TTL` one second off.
[[nodiscard]] std::string difference(const Json& expected, const Json& actual, const std::string& name);

}  // namespace deimos::fake

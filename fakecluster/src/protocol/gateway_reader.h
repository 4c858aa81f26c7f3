// Reads requests to etcd's JSON gateway.
#pragma once

#include <string_view>

#include <tl/expected.hpp>

#include "protocol/gateway_refusal.h"
#include "protocol/gateway_request.h"

namespace deimos::fake {

/// A call of the gateway, by its path behind the prefix of the version: `/kv/range`. Null if there is none.
struct GatewayRoute;
[[nodiscard]] const GatewayRoute* find_gateway_route(std::string_view path) noexcept;
/// Its answer is a stream of messages.
[[nodiscard]] bool streams(const GatewayRoute& route) noexcept;
/// Reads the request's body, and refuses what etcd refuses whatever the store holds.
[[nodiscard]] tl::expected<GatewayRequest, GatewayRefusal> read_gateway_request(const GatewayRoute& route,
                                                                                std::string_view body);

}  // namespace deimos::fake

// What etcd refuses before it looks into its store.
#pragma once

#include <optional>

#include "protocol/gateway_refusal.h"
#include "protocol/gateway_request.h"

namespace deimos::fake {

[[nodiscard]] std::optional<GatewayRefusal> check_gateway_request(const GatewayRequest& request);

}  // namespace deimos::fake

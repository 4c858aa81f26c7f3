// What etcd's gateway says when it refuses something.
#pragma once

#include <string>

#include <deimos/transport.h>

#include "versions/requests.h"

namespace deimos::fake {

struct GatewayRefusal {
  /// Of gRPC.
  enum class Code : int {
    unknown = 2,
    invalid_argument = 3,
    not_found = 5,
    resource_exhausted = 8,
    failed_precondition = 9,
    out_of_range = 11,
    unimplemented = 12,
    unavailable = 14,
    unauthenticated = 16,
  };
  Code code = Code::unknown;
  std::string message;
};

[[nodiscard]] GatewayRefusal invalid(std::string message);
[[nodiscard]] GatewayRefusal refusal_of(versions::Refusal refusal);

[[nodiscard]] Response refusal_answer(const GatewayRefusal& refusal);

}  // namespace deimos::fake

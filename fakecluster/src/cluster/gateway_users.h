// Who may ask a cluster of the etcd3 dialect.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include <deimos/fake/clock.h>
#include <deimos/fake/cluster_options.h>
#include <deimos/internal/random_stream.h>
#include <deimos/transport.h>

#include "protocol/gateway_refusal.h"
#include "protocol/gateway_request.h"

namespace deimos::fake {

/// Not thread-safe.
class GatewayUsers {
 public:
  /// Without users everybody may ask. A token is good until it has not been used for `token_ttl`.
  GatewayUsers(const std::vector<UserOptions>& users, std::chrono::nanoseconds token_ttl, std::uint64_t seed);

  [[nodiscard]] tl::expected<std::string, GatewayRefusal> token_for(const AuthenticateRequest& asked, Instant now);
  /// Why whoever sent `request`, which is `asked`, may not.
  [[nodiscard]] std::optional<GatewayRefusal> refusal(const Request& request, const GatewayRequest& asked, Instant now);

 private:
  const std::vector<UserOptions>& users_;
  const std::chrono::nanoseconds token_ttl_;
  internal::RandomStream random_;
  std::map<std::string, Instant> tokens_;  ///< Until when each is good.
};

/// As a stream tells it.
[[nodiscard]] std::string in_stream(const GatewayRefusal& refusal);

}  // namespace deimos::fake

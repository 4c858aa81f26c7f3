// What a RedisBackend can work with.
#pragma once

#include <string>
#include <vector>

#include <deimos/error.h>
#include <deimos/redis_options.h>

#include "wire/endpoint_url.h"

namespace deimos {

/// RedisOptions with their addresses taken apart.
struct RedisPlan {
  RedisOptions options;
  std::vector<EndpointUrl> addresses;
  std::vector<EndpointUrl> sentinels;
};

/// errc::invalid_argument, saying which option and why.
[[nodiscard]] Result<RedisPlan> check_redis_options(RedisOptions options);

}  // namespace deimos

#include "backends/redis/redis_options_check.h"

#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include <deimos/internal/broken_rule.h>
#include <deimos/thread_runtime.h>

namespace deimos {
namespace {

using Addresses = tl::expected<std::vector<EndpointUrl>, std::string>;

Addresses parsed(const std::vector<std::string>& texts, std::uint16_t default_port) {
  std::vector<EndpointUrl> addresses;
  for (const std::string& text : texts) {
    std::string_view rest = text;
    if (EndpointUrl::take_scheme(rest, "rediss://")) {
      return EndpointUrl::refused(text,
                                  "wants TLS, which this backend does not speak: use redis://, through a TLS proxy "
                                  "such as stunnel if need be");
    }
    if (!EndpointUrl::take_scheme(rest, "redis://") && rest.find("://") != std::string_view::npos) {
      return EndpointUrl::refused(text, "does not begin with redis://");
    }
    auto address = EndpointUrl::parse_host(text, rest, default_port);
    if (!address) return tl::unexpected<std::string>(std::move(address.error()));
    addresses.push_back(std::move(*address));
  }
  return addresses;
}

std::optional<std::string> problem_with(const RedisOptions& options) {
  using internal::broken_rule;
  constexpr std::chrono::milliseconds least{1};
  constexpr std::chrono::milliseconds least_look{10};
  constexpr int most_databases = 1'000'000;
  if (options.addresses.empty() == options.sentinels.empty()) {
    return "either addresses or sentinels must be given, and not both";
  }
  if (!options.sentinels.empty() && options.sentinel_master.empty()) return "sentinel_master must not be empty";
  if (options.database < 0 || options.database > most_databases) {
    return broken_rule("database must be from 0 to 1000000", options.database);
  }
  if (!options.credentials.user.empty() && options.credentials.password.empty()) {
    return "credentials: a user must come with a password";
  }
  if (options.connect_timeout < least)
    return broken_rule("connect_timeout must be at least 1ms", options.connect_timeout);
  if (options.look_interval < least_look)
    return broken_rule("look_interval must be at least 10ms", options.look_interval);
  if (options.foreign_look_interval < least_look) {
    return broken_rule("foreign_look_interval must be at least 10ms", options.foreign_look_interval);
  }
  if (options.max_answer_bytes == 0) return "max_answer_bytes must be positive, but is 0";
  return std::nullopt;
}

}  // namespace

Result<RedisPlan> check_redis_options(RedisOptions options) {
  constexpr std::uint16_t redis_port = 6379;
  constexpr std::uint16_t sentinel_port = 26379;
  if (auto problem = problem_with(options)) return fail(errc::invalid_argument, std::move(*problem));
  Addresses addresses = parsed(options.addresses, redis_port);
  if (!addresses) return fail(errc::invalid_argument, std::move(addresses.error()));
  Addresses sentinels = parsed(options.sentinels, sentinel_port);
  if (!sentinels) return fail(errc::invalid_argument, std::move(sentinels.error()));
  return RedisPlan{std::move(options), std::move(*addresses), std::move(*sentinels)};
}

}  // namespace deimos

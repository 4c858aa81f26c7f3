#include "calls/store_identity.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "wire/answer.h"
#include "wire/store_dialect.h"

namespace deimos {
namespace {

/// The version in an etcd's answer to `/version`: `{"etcdserver":"3.4.23", …}`.
std::optional<std::string> etcd_version(const Response& response) {
  constexpr std::string_view field = "\"etcdserver\":\"";
  constexpr std::size_t longest = 40;
  const std::size_t at = response.body.find(field);
  if (response.status != 200 || at == std::string::npos) return std::nullopt;
  const std::string_view rest = std::string_view(response.body).substr(at + field.size());
  const std::string_view version = rest.substr(0, std::min(rest.find('"'), longest));
  const bool plain = version.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz.+-") == std::string_view::npos;
  return plain ? std::string(version) : std::string("of unknown version");
}

std::string identify_etcd(const std::string& version, bool serves_v2, Dialect dialect) {
  const std::string etcd = "it is an etcd " + version;
  if (!serves_v2) {
    return etcd +
           " that does not serve the v2 API: start it with --enable-v2 (3.4 or 3.5; later ones have no v2 API), "
           "and set ClientOptions::dialect to Dialect::etcd2";
  }
  if (dialect == Dialect::etcd2) return etcd + " all the same: something in between must have answered";
  return etcd + ": set ClientOptions::dialect to Dialect::etcd2";
}

}  // namespace

bool is_a_strangers(const Response& response) {
  const bool has_object = response.body.starts_with('{');
  return !has_object && response.status != 0;
}

std::string identify_stranger(const Caller& caller, const std::string& endpoint, TimePoint end,
                              const std::stop_token& stop) {
  const auto look = [&](std::string_view target) {
    const Duration left = end - caller.runtime().now();
    if (left <= Duration::zero()) return Response{};
    return caller.look(endpoint, target, std::min(left, caller.options().connect_timeout), stop).value_or(Response{});
  };
  const Dialect dialect = caller.options().dialect;
  if (const auto version = etcd_version(look("/version"))) {
    return identify_etcd(*version, look(store_dialect(Dialect::etcd2).keys_path).status == 200, dialect);
  }
  if (read_machines(look(store_dialect(Dialect::deimos).machines_path))) {
    if (dialect == Dialect::deimos) return "it is a Deimos all the same: something in between must have answered";
    return "it is a Deimos: set ClientOptions::dialect to Dialect::deimos";
  }
  return "it is neither a Deimos nor an etcd: the endpoint's host or port must be wrong";
}

}  // namespace deimos

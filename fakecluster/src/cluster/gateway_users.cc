#include "cluster/gateway_users.h"

#include <algorithm>
#include <variant>

#include <deimos/internal/saturating_time.h>

namespace deimos::fake {
namespace {

using namespace versions;
using Code = GatewayRefusal::Code;

/// Etcd looks at a token only where it asks who it is …
bool looks_at_token(const GatewayRequest& asked) {
  return std::holds_alternative<RangeRequest>(asked) || std::holds_alternative<PutRequest>(asked) ||
         std::holds_alternative<DeleteRequest>(asked) || std::holds_alternative<TxnRequest>(asked) ||
         std::holds_alternative<CompactionRequest>(asked) || std::holds_alternative<GrantRequest>(asked) ||
         std::holds_alternative<RevokeRequest>(asked) || std::holds_alternative<WatchRequest>(asked);
}

/// … and needs one where keys are named.
bool needs_token(const GatewayRequest& asked) {
  if (const auto* txn = std::get_if<TxnRequest>(&asked)) {
    return !txn->compares.empty() || !txn->success.empty() || !txn->failure.empty();
  }
  return looks_at_token(asked) && !std::holds_alternative<CompactionRequest>(asked) &&
         !std::holds_alternative<GrantRequest>(asked) && !std::holds_alternative<RevokeRequest>(asked);
}

}  // namespace

GatewayUsers::GatewayUsers(const std::vector<UserOptions>& users, std::chrono::nanoseconds token_ttl,
                           std::uint64_t seed)
    : users_(users), token_ttl_(token_ttl), random_(seed, "tokens") {}

tl::expected<std::string, GatewayRefusal> GatewayUsers::token_for(const AuthenticateRequest& asked, Instant now) {
  if (users_.empty()) {
    return tl::unexpected(GatewayRefusal{Code::failed_precondition, "etcdserver: authentication is not enabled"});
  }
  const bool known = std::any_of(users_.begin(), users_.end(), [&](const UserOptions& user) {
    return user.name == asked.name && user.password == asked.password;
  });
  if (!known) return tl::unexpected(invalid("etcdserver: authentication failed, invalid user ID or password"));
  std::erase_if(tokens_, [&](const auto& token) { return token.second <= now; });
  std::string token;
  for (int i = 0; i < 16; ++i) token += static_cast<char>('a' + random_.below(26));
  tokens_[token] = internal::saturating_sum(now, token_ttl_);
  return token;
}

std::optional<GatewayRefusal> GatewayUsers::refusal(const Request& request, const GatewayRequest& asked, Instant now) {
  if (!looks_at_token(asked)) return std::nullopt;
  const std::string* const token = find_header(request.headers, "Authorization");
  if (token == nullptr) {
    if (users_.empty() || !needs_token(asked)) return std::nullopt;
    return invalid("etcdserver: user name is empty");
  }
  const auto found = tokens_.find(*token);
  if (found == tokens_.end() || found->second <= now) {
    return GatewayRefusal{Code::unauthenticated, "etcdserver: invalid auth token"};
  }
  found->second = internal::saturating_sum(now, token_ttl_);
  return std::nullopt;
}

std::string in_stream(const GatewayRefusal& refusal) {
  const bool unauthenticated = refusal.code == Code::unauthenticated;
  return "rpc error: code = " + std::string(unauthenticated ? "Unauthenticated" : "InvalidArgument") +
         " desc = " + refusal.message;
}

}  // namespace deimos::fake

#include "protocol/gateway_refusal.h"

#include <utility>

#include "protocol/json_string.h"

namespace deimos::fake {
namespace {

using Code = GatewayRefusal::Code;

int http_status(Code code) noexcept {
  switch (code) {
    case Code::invalid_argument:
    case Code::out_of_range: return 400;
    case Code::unauthenticated: return 401;
    case Code::not_found: return 404;
    case Code::failed_precondition: return 412;
    case Code::resource_exhausted: return 429;
    case Code::unimplemented: return 501;
    case Code::unavailable: return 503;
    case Code::unknown: break;
  }
  return 500;
}

Response json_answer(int status, std::string body) {
  return {status, {{"Content-Type", "application/json"}}, std::move(body)};
}

}  // namespace

GatewayRefusal invalid(std::string message) { return {Code::invalid_argument, std::move(message)}; }

GatewayRefusal refusal_of(versions::Refusal refusal) {
  using versions::Refusal;
  switch (refusal) {
    case Refusal::key_not_found: break;
    case Refusal::compacted: return {Code::out_of_range, "etcdserver: mvcc: required revision has been compacted"};
    case Refusal::future_revision:
      return {Code::out_of_range, "etcdserver: mvcc: required revision is a future revision"};
    case Refusal::lease_not_found: return {Code::not_found, "etcdserver: requested lease not found"};
    case Refusal::lease_exists: return {Code::failed_precondition, "etcdserver: lease already exists"};
    case Refusal::ttl_too_large: return {Code::out_of_range, "etcdserver: too large lease TTL"};
    case Refusal::no_space: return {Code::resource_exhausted, "etcdserver: mvcc: database space exceeded"};
  }
  return invalid("etcdserver: key not found");
}

Response refusal_answer(const GatewayRefusal& refusal) {
  std::string message;
  append_json_string(message, refusal.message);
  return json_answer(http_status(refusal.code), "{\"error\":" + message + ",\"message\":" + message + ",\"code\":" +
                                                    std::to_string(static_cast<int>(refusal.code)) + "}");
}

}  // namespace deimos::fake

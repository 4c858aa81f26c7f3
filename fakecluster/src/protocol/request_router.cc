#include "protocol/request_router.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <deimos/internal/percent_coding.h>
#include "protocol/gateway_reader.h"
#include "protocol/request_target.h"

namespace deimos::fake {
namespace {

/// What Go leaves as it is in a path.
constexpr std::string_view kept_in_path = "-_.~$&+,/:;=@";

/// Whether `methods`, as `Allow` lists them, has `method`.
bool allows(std::string_view methods, std::string_view method) noexcept {
  while (!methods.empty()) {
    const std::size_t end = std::min(methods.find(','), methods.size());
    if (methods.substr(0, end) == method) return true;
    methods.remove_prefix(std::min(end + 1, methods.size()));
  }
  return false;
}

/// Everything but what is asked for as it may be.
Response answer_elsewhere(const Request& request, const Target& target, const KeysDialect& dialect) {
  Response response = plain_answer(404, "404 page not found\n");
  if (request.method == "OPTIONS") {
    response = {200, {}, {}};
  } else if (target.kind == Target::Kind::malformed) {
    response = plain_answer(400, "400 Bad Request");
  } else if (target.kind == Target::Kind::unclean) {
    std::string location;
    internal::append_percent_encoded(location, target.path, kept_in_path);
    if (!target.query.empty()) location.append(1, '?').append(target.query);
    response = redirect(std::move(location), request.method);
  } else if (target.kind == Target::Kind::keys) {
    response = method_not_allowed(dialect.keys_methods);
  } else if (target.kind == Target::Kind::page) {
    response = method_not_allowed(target.route->methods);
  }
  if (request.method == "HEAD") response.body.clear();
  return response;
}

}  // namespace

std::variant<Response, Page, KeysRequest> read_request(const Request& request, const NodeLimits& limits,
                                                       const AnswerWriter& answers, Instant now) {
  const KeysDialect& dialect = answers.dialect();
  if (request.target.size() > limits.target_limit) return plain_answer(414, "URI Too Long\n");
  Target target = Target::parse(request.target, dialect);
  if (target.kind == Target::Kind::page && allows(target.route->methods, request.method)) return target.route->page;
  if (target.kind != Target::Kind::keys || !allows(dialect.keys_methods, request.method)) {
    return answer_elsewhere(request, target, dialect);
  }
  if (target.path.size() > limits.key_limit) return plain_answer(414, "URI Too Long\n");
  auto parsed = parse_keys_request(dialect, request, std::move(target), now, limits.form_limit);
  if (!parsed) return answers.parse_error(parsed.error().code, parsed.error().cause);
  return *std::move(parsed);
}

std::variant<Response, Page, GatewayRequest> read_gateway_call(const Request& request, const NodeLimits& limits,
                                                               const AnswerWriter& answers) {
  constexpr std::string_view beta = "/v3beta";
  if (request.target.size() > limits.target_limit) return plain_answer(414, "URI Too Long\n");
  Target target = Target::parse(request.target, answers.dialect());
  if (target.kind == Target::Kind::page && allows(target.route->methods, request.method)) return target.route->page;
  const bool is_beta = target.kind == Target::Kind::unknown && target.path.starts_with(std::string(beta) + "/");
  if ((target.kind != Target::Kind::keys && !is_beta) || request.method == "OPTIONS") {
    return answer_elsewhere(request, target, answers.dialect());
  }
  const bool is_folder = request.target.substr(0, request.target.find('?')).ends_with('/');
  const GatewayRoute* const route =
      is_folder ? nullptr : find_gateway_route(std::string_view(target.path).substr(is_beta ? beta.size() : 0));
  if (route == nullptr) return plain_answer(404, "Not Found\n");
  if (request.method != "POST") {
    Response response = plain_answer(405, "Method Not Allowed\n");
    if (request.method == "HEAD") response.body.clear();
    return response;
  }
  if (request.body.size() > limits.form_limit) {
    return refusal_answer({GatewayRefusal::Code::resource_exhausted, "grpc: received message larger than max"});
  }
  auto call = read_gateway_request(*route, request.body);
  if (!call) return refusal_answer(call.error());
  return *std::move(call);
}

}  // namespace deimos::fake

#include "protocol/request_router.h"

#include <string>
#include <utility>

#include <deimos/internal/percent_coding.h>
#include "protocol/answer_writer.h"
#include "protocol/request_target.h"

namespace deimos::fake {
namespace {

/// What Go leaves as it is in a path.
constexpr std::string_view kept_in_path = "-_.~$&+,/:;=@";

constexpr std::string_view keys_methods = "GET,PUT,POST,DELETE";
constexpr std::string_view machines_methods = "GET,HEAD";

/// Everything but the keys themselves.
Response answer_elsewhere(const Request& request, const Target& target, std::string_view machines) {
  const bool head = request.method == "HEAD";
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
    response = method_not_allowed(keys_methods);
  } else if (target.kind == Target::Kind::machines) {
    const bool allowed = head || request.method == "GET";
    response = allowed ? plain_answer(200, std::string(machines)) : method_not_allowed(machines_methods);
  }
  if (head) response.body.clear();
  return response;
}

}  // namespace

std::variant<Response, KeysRequest> read_request(const Request& request, const NodeLimits& limits,
                                                 std::string_view machines, Instant now) {
  if (request.target.size() > limits.target_limit) return plain_answer(414, "URI Too Long\n");
  Target target = Target::parse(request.target);
  const bool keys_method =
      request.method == "GET" || request.method == "PUT" || request.method == "POST" || request.method == "DELETE";
  if (target.kind != Target::Kind::keys || !keys_method) return answer_elsewhere(request, target, machines);
  if (target.path.size() > limits.key_limit) return plain_answer(414, "URI Too Long\n");
  auto parsed = parse_keys_request(request, std::move(target), now, limits.form_limit);
  if (!parsed) return error_answer(parsed.error().code, parsed.error().cause, 0, false);
  return *std::move(parsed);
}

}  // namespace deimos::fake

#include <deimos/fake/admin.h>

#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <deimos/internal/ascii.h>
#include <deimos/internal/rfc3339.h>
#include "admin/fault_json.h"

namespace deimos::fake {
namespace {

constexpr std::string_view overview =
    R"(GET    /cluster      the state of the cluster
POST   /faults       {"kind": "partition", "groups": [[1], [2, 3]], "after": "5s"}: without "after", at once
GET    /faults       the faults to come
DELETE /faults/ID    takes back a fault to come
POST   /rules        {"match": {"method": "PUT", "key": "/locks/*", "nth": 1}, "action": "drop_answer"}
GET    /rules        the rules in force
DELETE /rules/ID     removes a rule; without /ID all of them
GET    /clock        true time
POST   /clock        {"advance": "5s"}: moves a manual clock
POST   /reset        makes the cluster anew; with {"seed": 7}, from another seed
)";

/// What happens on the way (elections without end, say) takes real time, in which nobody else is served.
constexpr std::chrono::hours longest_advance{24};

Response json_answer(int status, const Json& json) {
  return {status, {{"Content-Type", "application/json"}}, text_of(json) + "\n"};
}

/// A refusal with another status than 400.
class Refused : public std::runtime_error {
 public:
  Refused(int its_status, const std::string& why, std::string its_allowed = {})
      : std::runtime_error(why), status(its_status), allowed(std::move(its_allowed)) {}
  int status;
  std::string allowed;  ///< Methods, for the header of that name.
};

/// One request as its handlers see it.
struct Call {
  Cluster& cluster;
  const Request& request;
  std::optional<std::string_view> id;  ///< What follows the name of what it is about.

  /// The body, an object.
  [[nodiscard]] Json object() const {
    Json json = parse_json(request.body);
    if (!json.is_object()) throw std::invalid_argument("expected a JSON object");
    return json;
  }
  [[nodiscard]] std::uint64_t number() const {
    const std::string_view digits = id.value_or("");
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc() && end == digits.data() + digits.size()) return number;
    throw Refused(404, "'" + std::string(digits) + "' is no id");
  }
};

/// Takes the only field that an object may have.
std::optional<Json> take_only(Json& object, const char* name) {
  std::optional<Json> value;
  for (auto& [field, element] : object.items()) {
    if (field != name) throw std::invalid_argument("unknown field '" + field + "': only '" + name + "' can be there");
    value = std::move(element);
  }
  return value;
}

Json clock_json(const Call& call) { return {{"now", internal::rfc3339_text(call.cluster.now())}}; }

Json get_cluster(const Call& call) { return json_of(call.cluster.state()); }

Json get_faults(const Call& call) {
  Json faults = Json::array();
  for (const PendingFault& fault : call.cluster.pending_faults()) {
    faults.push_back({{"id", fault.id}, {"at", internal::rfc3339_text(fault.at)}, {"fault", json_of(fault.fault)}});
  }
  return faults;
}

Json post_faults(const Call& call) {
  Json body = parse_json(call.request.body);
  std::optional<std::chrono::nanoseconds> after;
  if (body.is_object() && body.contains("after")) {
    after = duration_of(body.at("after"), "after");
    body.erase("after");
  }
  const Fault fault = fault_of(body);
  Json answer{{"description", describe(fault)}};
  if (after) {
    answer["id"] = call.cluster.after(*after, fault);
  } else {
    call.cluster.apply(fault);
  }
  return answer;
}

Json delete_faults(const Call& call) {
  const std::uint64_t id = call.number();
  if (!call.cluster.cancel(id)) throw Refused(404, "no fault " + std::to_string(id) + " is to come");
  return Json::object();
}

Json get_rules(const Call& call) {
  Json rules = Json::array();
  for (const RuleStatus& status : call.cluster.rules()) rules.push_back(json_of(status));
  return rules;
}

Json post_rules(const Call& call) {
  Rule rule = rule_of(call.object());
  std::string description = describe(rule);
  return {{"id", call.cluster.add_rule(std::move(rule))}, {"description", std::move(description)}};
}

Json delete_rules(const Call& call) {
  if (!call.id) {
    call.cluster.apply(RemoveRules{});
  } else if (const std::uint64_t id = call.number(); !call.cluster.remove_rule(id)) {
    throw Refused(404, "there is no rule " + std::to_string(id));
  }
  return Json::object();
}

Json post_clock(const Call& call) {
  Json body = call.object();
  const std::optional<Json> by = take_only(body, "advance");
  if (!by) throw std::invalid_argument(R"(expected {"advance": "5s"})");
  const std::chrono::nanoseconds duration = duration_of(*by, "advance");
  if (duration > longest_advance) throw std::invalid_argument("advance: at most 24h at a time");
  try {
    call.cluster.advance(duration);
  } catch (const std::invalid_argument&) {
    throw;
  } catch (const std::logic_error&) {
    throw Refused(409, "the clock moves by itself");
  }
  return clock_json(call);
}

Json post_reset(const Call& call) {
  Json body = call.request.body.empty() ? Json::object() : call.object();
  if (const std::optional<Json> seed = take_only(body, "seed")) {
    call.cluster.reset(number_of(*seed, "seed"));
  } else {
    call.cluster.reset();
  }
  return get_cluster(call);
}

struct Route {
  std::string_view method;
  std::string_view path;
  enum class Id { none, needed, possible } id;
  Json (*handler)(const Call&);
};

constexpr std::array routes{
    Route{"GET", "/cluster", Route::Id::none, get_cluster},
    Route{"GET", "/faults", Route::Id::none, get_faults},
    Route{"POST", "/faults", Route::Id::none, post_faults},
    Route{"DELETE", "/faults", Route::Id::needed, delete_faults},
    Route{"GET", "/rules", Route::Id::none, get_rules},
    Route{"POST", "/rules", Route::Id::none, post_rules},
    Route{"DELETE", "/rules", Route::Id::possible, delete_rules},
    Route{"GET", "/clock", Route::Id::none, clock_json},
    Route{"POST", "/clock", Route::Id::none, post_clock},
    Route{"POST", "/reset", Route::Id::none, post_reset},
};

bool takes(const Route& route, std::string_view path, bool has_id) {
  return route.path == path && (route.id == Route::Id::possible || has_id == (route.id == Route::Id::needed));
}

bool is_loopback(std::string authority) {
  for (char& c : authority) c = internal::to_lower(c);
  if (authority.starts_with('[')) return authority == "[::1]" || authority.starts_with("[::1]:");
  const std::string_view host = std::string_view(authority).substr(0, authority.find(':'));
  const bool digits = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || (digits && host.starts_with("127."));
}

/// A page in a browser must not be able to ask: it would send its Origin, or be served under a name of its own (that
/// was made to mean this machine), and needs leave from us to send JSON.
void check_sender(const Request& request) {
  if (find_header(request.headers, "Origin") != nullptr) throw Refused(403, "not for web pages: there is an Origin");
  const std::string* host = find_header(request.headers, "Host");
  if (host != nullptr && !is_loopback(*host)) {
    throw Refused(403, "the Host must be a loopback name or address, but is '" + host->substr(0, 100) + "'");
  }
  const std::string_view type = std::string_view(request.content_type).substr(0, request.content_type.find(';'));
  if (!request.body.empty() && type != "application/json") {
    throw Refused(415,
                  "the body must be application/json (curl --json), but is '" + std::string(type.substr(0, 100)) + "'");
  }
}

Json dispatch(Cluster& cluster, const Request& request) {
  const std::string_view target = request.target;
  if (target.find('?') != std::string_view::npos) {
    throw std::invalid_argument("a query: what is asked for goes into the body");
  }
  const std::size_t slash = target.find('/', 1);
  const std::string_view path = target.substr(0, slash);
  std::optional<std::string_view> id;
  if (slash != std::string_view::npos) id = target.substr(slash + 1);
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  std::string allowed;
  for (const Route& route : routes) {
    if (!takes(route, path, id.has_value())) continue;
    if (route.method == method) return route.handler({cluster, request, id});
    allowed.append(allowed.empty() ? "" : ", ").append(route.method);
  }
  if (!allowed.empty()) throw Refused(405, "the methods here: " + allowed, allowed);
  throw Refused(404, "there is nothing at '" + request.target + "': GET / says what there is");
}

Response refusal(int status, const std::string& why) { return json_answer(status, {{"error", why}}); }

}  // namespace

Response Admin::handle(const Request& request) {
  try {
    check_sender(request);
    if (request.target == "/" && (request.method == "GET" || request.method == "HEAD")) {
      return {200, {{"Content-Type", "text/plain; charset=utf-8"}}, std::string(overview)};
    }
    return json_answer(200, dispatch(cluster_, request));
  } catch (const Refused& refused) {
    Response response = refusal(refused.status, refused.what());
    if (!refused.allowed.empty()) response.headers.push_back({"Allow", refused.allowed});
    return response;
  } catch (const std::invalid_argument& error) {
    return refusal(400, error.what());
  }
}

Admin::Ticket Admin::handle(const Request& request, std::shared_ptr<Reply> reply) {
  reply->answer(handle(request), false);
  return 0;
}

Instant Admin::now() const { return cluster_.now(); }

}  // namespace deimos::fake

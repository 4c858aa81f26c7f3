#include <deimos/fake/admin.h>

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <deimos/internal/ascii.h>
#include <deimos/internal/percent_coding.h>

#include "admin/admin_call.h"
#include "admin/admin_waits.h"

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
POST   /wait         {"until": {"kind": "key_exists", "key": "/a"}, "within": "5s"}: moves a manual clock until it
                     holds, or lets time pass
GET    /journal      what was asked; ?method=PUT&key=/locks/*&since=7&limit=10 selects
DELETE /journal      forgets it
POST   /journal/verify   {"match": {"method": "PUT"}, "exactly": 3}; or at_least, at_most
GET    /data         what is stored; with ?indexes=true also the indexes
PUT    /data         {"entries": [{"key": "/config/rate", "value": "100", "ttl": "30s"}]}: replaces it
POST   /plan         {"faults": [{"kind": "isolate", "node": 2, "after": "1s"}]}: runs it from now on
POST   /reset        makes the cluster anew; with {"seed": 7}, from another seed
)";

Response json_answer(int status, const Json& json) {
  return {status, {{"Content-Type", "application/json"}}, text_of(json) + "\n"};
}

enum class Takes { nothing, id, maybe_id, query };

struct Route {
  std::string_view method;
  std::string_view path;
  Takes what;
  Json (*handler)(const AdminCall&);
};

constexpr std::array routes{
    Route{"GET", "/cluster", Takes::nothing, get_cluster},
    Route{"GET", "/faults", Takes::nothing, get_faults},
    Route{"POST", "/faults", Takes::nothing, post_faults},
    Route{"DELETE", "/faults", Takes::id, delete_faults},
    Route{"POST", "/plan", Takes::nothing, post_plan},
    Route{"GET", "/rules", Takes::nothing, get_rules},
    Route{"POST", "/rules", Takes::nothing, post_rules},
    Route{"DELETE", "/rules", Takes::maybe_id, delete_rules},
    Route{"GET", "/clock", Takes::nothing, get_clock},
    Route{"POST", "/clock", Takes::nothing, post_clock},
    Route{"POST", "/wait", Takes::nothing, post_wait},
    Route{"GET", "/journal", Takes::query, get_journal},
    Route{"DELETE", "/journal", Takes::nothing, delete_journal},
    Route{"POST", "/journal/verify", Takes::nothing, verify_journal},
    Route{"GET", "/data", Takes::query, get_data},
    Route{"PUT", "/data", Takes::nothing, put_data},
    Route{"POST", "/reset", Takes::nothing, post_reset},
};

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

std::map<std::string, std::string> parameters_of(std::string_view query) {
  std::map<std::string, std::string> parameters;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (internal::find_bad_escape(pair)) throw std::invalid_argument("the query is not percent-encoded");
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) throw std::invalid_argument("the query is not as ?name=value&name=value");
    std::string name = internal::percent_decode(pair.substr(0, equals), true);
    const auto [place, added] = parameters.emplace(name, internal::percent_decode(pair.substr(equals + 1), true));
    if (!added) throw std::invalid_argument("the parameter '" + name + "' is there twice");
  }
  return parameters;
}

/// The route of the request, and what its handler sees of it.
std::pair<const Route*, AdminCall> route_of(Cluster& cluster, const Request& request) {
  const std::string_view target = request.target;
  const std::string_view path = target.substr(0, target.find('?'));
  const std::size_t slash = path.find('/', 1);
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  std::string allowed;
  for (const Route& route : routes) {
    AdminCall call{cluster, request};
    if (route.path != path) {
      if (route.path != path.substr(0, slash) || route.what == Takes::nothing || route.what == Takes::query) continue;
      call.id = path.substr(slash + 1);
    } else if (route.what == Takes::id) {
      continue;
    }
    if (route.method != method) {
      allowed.append(allowed.empty() ? "" : ", ").append(route.method);
      continue;
    }
    if (target.size() != path.size()) {
      if (route.what != Takes::query) throw std::invalid_argument("a query: what is asked for goes into the body");
      call.parameters = parameters_of(target.substr(path.size() + 1));
    }
    return {&route, std::move(call)};
  }
  if (!allowed.empty()) throw Refused(405, "the methods here: " + allowed, allowed);
  throw Refused(404, "there is nothing at '" + request.target + "': GET / says what there is");
}

Response refusal(int status, const std::string& why, const Json& details = Json::object()) {
  Json json{{"error", why}};
  json.update(details);
  return json_answer(status, json);
}

/// What `answer` returns, or why it refused.
template <typename Answer>
Response answered(Answer answer) {
  try {
    return answer();
  } catch (const Unmet& unmet) {
    return refusal(unmet.status, unmet.what(), unmet.details);
  } catch (const Refused& refused) {
    Response response = refusal(refused.status, refused.what());
    if (!refused.allowed.empty()) response.headers.push_back({"Allow", refused.allowed});
    return response;
  } catch (const std::invalid_argument& error) {
    return refusal(400, error.what());
  }
}

bool asks_what_there_is(const Request& request) {
  return request.target == "/" && (request.method == "GET" || request.method == "HEAD");
}

Response handled(Cluster& cluster, const Request& request, const std::stop_token& stop) {
  return answered([&]() -> Response {
    check_sender(request);
    if (asks_what_there_is(request)) {
      return {200, {{"Content-Type", "text/plain; charset=utf-8"}}, std::string(overview)};
    }
    auto [route, call] = route_of(cluster, request);
    call.stop = stop;
    return json_answer(200, route->handler(call));
  });
}

}  // namespace

Admin::Admin(Cluster& cluster) : cluster_(cluster), waits_(std::make_unique<AdminWaits>()) {}

Admin::~Admin() = default;

Response Admin::handle(const Request& request) { return handled(cluster_, request, {}); }

Admin::Ticket Admin::handle(const Request& request, std::shared_ptr<Reply> reply) {
  if (request.method != "POST" || request.target != "/wait") {
    reply->answer(handle(request), false);
    return 0;
  }
  const auto wait = [this, request](const std::stop_token& stop) { return handled(cluster_, request, stop); };
  const Ticket ticket = waits_->start(wait, reply);
  if (ticket == 0) reply->answer(refusal(503, std::to_string(AdminWaits::most) + " wait already"), false);
  return ticket;
}

void Admin::abandon(Ticket ticket) { waits_->abandon(ticket); }

Instant Admin::now() const { return cluster_.now(); }

}  // namespace deimos::fake

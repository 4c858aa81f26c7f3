#include <deimos/testkit/request_trace.h>

#include <map>
#include <sstream>
#include <stdexcept>
#include <tuple>

#include <deimos/fake/pattern.h>
#include <deimos/fake/rule.h>
#include <deimos/testkit/history.h>

namespace deimos::testkit {
namespace {

void check_length(const std::string& pattern) {
  if (pattern.size() > fake::longest_pattern) throw std::invalid_argument("a pattern of requests is too long");
}

void check(const RequestPattern& which) {
  check_length(which.process);
  check_length(which.key);
}

bool fits(const std::string& pattern, const std::string& text) {
  return pattern.empty() || fake::pattern_matches(pattern, text);
}

bool matches(const RequestPattern& which, const TracedRequest& request) {
  return (which.method.empty() || which.method == request.method) && fits(which.process, request.process) &&
         fits(which.key, request.key);
}

void add_to(RequestCost& cost, const TracedRequest& request) {
  ++cost.requests;
  cost.round_trips += request.status != 0 ? 1 : 0;
  cost.bytes += request.bytes_sent + request.bytes_received;
  cost.latency += request.took;
}

}  // namespace

RequestCost RequestTrace::cost(const RequestPattern& which) const {
  check(which);
  RequestCost cost;
  for (const TracedRequest& request : requests_) {
    if (matches(which, request)) add_to(cost, request);
  }
  return cost;
}

std::string RequestTrace::describe(const RequestPattern& which) const {
  check(which);
  std::map<std::tuple<std::string, std::string, std::string>, std::pair<RequestCost, bool>> kinds;
  for (const TracedRequest& request : requests_) {
    auto& [cost, counted] = kinds[{request.process, request.method, request.key}];
    add_to(cost, request);
    counted = matches(which, request);
  }
  std::ostringstream text;
  for (const auto& [kind, entry] : kinds) {
    const auto& [process, method, key] = kind;
    const auto& [cost, counted] = entry;
    text << "  " << process << "  " << cost.requests << " x " << method << " " << key << ", " << cost.round_trips
         << " answered, " << cost.bytes << " bytes, " << duration_as_code(cost.latency)
         << (counted ? "" : " (not counted)") << "\n";
  }
  return text.str();
}

}  // namespace deimos::testkit

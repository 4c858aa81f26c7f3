#include "protocol/etcd2/comparison.h"

#include <array>
#include <regex>

#include "protocol/json_difference.h"

namespace deimos::fake {
namespace {

struct KnownDifference {
  const char* steps;  ///< Those whose text has this regular expression in it.
  std::string_view reason;
};

/// README.md tells them.
constexpr std::array<KnownDifference, 3> known_differences = {{
    {"ttl=[0-9]{11,}", "etcd's instant of expiry wraps round; the fake refuses such a TTL with error 202"},
    {"^(POST|PUT|DELETE) /v2/members", "the members of a fake cluster are given when it is made: 405"},
    {"/v2/auth/", "the fake has no users: 404"},
}};

std::string noted(std::string_view what, const std::string& real, const std::string& fake) {
  if (real == fake) return "";
  return "; " + std::string(what) + ": etcd says " + real + ", the fake " + fake;
}

std::string header(const Response& response, std::string_view name) {
  const std::string* value = find_header(response.headers, name);
  return value != nullptr ? *value : "(none)";
}

std::string presence(const Response& response, std::string_view name) {
  return find_header(response.headers, name) != nullptr ? "sent" : "(none)";
}

bool asks_for_order(const Step& step) {
  static const std::regex sorted("[?&]sorted=(1|t|T|true|True|TRUE)(&|$)");
  return std::regex_search(step.target, sorted);
}

/// Text and numbers that are each server's own are replaced by their kind.
void blur(Json& value) {
  if (value.is_structured()) {
    for (auto& [name, member] : value.items()) {
      if (name != "state" && name != "name") blur(member);
    }
  } else {
    value = value.is_number() ? Json(0) : Json("text");
  }
}

std::string without_ids(const std::string& body) {
  static const std::regex id("\"[0-9a-f]{13,16}\"");
  return std::regex_replace(body, id, "\"ID\"");
}

Json comparable(const Step& step, const std::string& body) {
  Json json = Json::parse(without_ids(body), nullptr, false);
  if (json.is_discarded()) return body;
  if (step.target.starts_with("/v2/stats/store")) {
    json.erase("getsFail");  // Etcd looks up in its own tree whether there are users.
  } else if (step.target.starts_with("/v2/stats/")) {
    blur(json);
  } else if (json.contains("node") && !asks_for_order(step)) {
    sort_nodes(json);
  }
  return json;
}

}  // namespace

std::string difference(const Step& step, const Response& real, const Response& fake) {
  std::string found = noted("status", std::to_string(real.status), std::to_string(fake.status));
  for (const char* name : {"Content-Type", "Allow", "Location", "X-Etcd-Index"}) {
    found += noted(name, header(real, name), header(fake, name));
  }
  for (const char* name : {"X-Raft-Index", "X-Raft-Term", "X-Etcd-Cluster-Id"}) {
    found += noted(name, presence(real, name), presence(fake, name));
  }
  if (step.verb == "HEAD") return found;
  if (const auto body = difference(comparable(step, real.body), comparable(step, fake.body), "body"); !body.empty()) {
    found += "; (expected: etcd) " + body;
  }
  return found + noted("end of the body", real.body.ends_with('\n') ? "a new line" : "none",
                       fake.body.ends_with('\n') ? "a new line" : "none");
}

std::string difference(std::string_view real_event, std::string_view fake_event) {
  return difference(Json::parse(real_event, nullptr, false), Json::parse(fake_event, nullptr, false), "event");
}

std::string_view reason_to_differ(const Step& step) {
  for (const KnownDifference& known : known_differences) {
    if (std::regex_search(step.text(), std::regex(known.steps))) return known.reason;
  }
  return {};
}

}  // namespace deimos::fake

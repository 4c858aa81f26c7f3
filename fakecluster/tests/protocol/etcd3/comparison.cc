#include "protocol/etcd3/comparison.h"

#include <algorithm>
#include <array>
#include <regex>
#include <sstream>

#include "protocol/json_difference.h"

namespace deimos::fake::etcd3 {
namespace {

struct KnownDifference {
  const char* steps;  ///< Those whose text has this regular expression in it.
  std::string_view reason;
};

/// README.md tells them.
constexpr std::array<KnownDifference, 3> known_differences = {{
    {"^/maintenance/(alarm|defragment|hash)", "the fake has no disk to maintain: 501"},
    {"^/cluster/member/(add|remove|update)", "the members of a fake cluster are given when it is made: 501"},
    {"^/auth/(status|enable|user)", "users of the fake are given when it is made"},
}};

std::string noted(std::string_view what, const std::string& real, const std::string& fake) {
  if (real == fake) return "";
  return "; " + std::string(what) + ": etcd says " + real + ", the fake " + fake;
}

std::string header(const Response& response, std::string_view name) {
  const std::string* value = find_header(response.headers, name);
  return value != nullptr ? *value : "(none)";
}

/// Numbers that are each server's own.
bool is_own(const std::string& name) {
  static const std::array<std::string_view, 9> names = {"cluster_id", "member_id",        "raft_term",
                                                        "dbSize",     "leader",           "raftIndex",
                                                        "raftTerm",   "raftAppliedIndex", "dbSizeInUse"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

void sort_members(Json& array) { std::sort(array.begin(), array.end()); }

void make_comparable(Json& value) {
  if (value.is_object()) {
    for (auto& [name, member] : value.items()) {
      if (is_own(name)) member = "own";
      if (name == "leases" || (name == "keys" && member.is_array())) sort_members(member);
      if (name == "TTL" && member.is_string()) member = std::stoll(member.get<std::string>());
      make_comparable(member);
    }
    if (value.contains("peerURLs")) value["ID"] = "own";
  } else if (value.is_array()) {
    for (Json& element : value) make_comparable(element);
  }
}

/// One object for each line.
Json comparable(const std::string& body) {
  Json lines = Json::array();
  std::istringstream text(body);
  for (std::string line; std::getline(text, line);) {
    Json json = Json::parse(line, nullptr, false);
    if (json.is_discarded()) return body;
    make_comparable(json);
    lines.push_back(std::move(json));
  }
  return lines;
}

}  // namespace

std::string difference(const Step& /*step*/, const Response& real, const Response& fake) {
  std::string found = noted("status", std::to_string(real.status), std::to_string(fake.status));
  for (const char* name : {"Content-Type", "Allow", "Location", "Grpc-Metadata-Content-Type"}) {
    found += noted(name, header(real, name), header(fake, name));
  }
  if (const auto body = fake::difference(comparable(real.body), comparable(fake.body), "body"); !body.empty()) {
    found += "; (expected: etcd) " + body;
  }
  return found + noted("end of the body", real.body.ends_with('\n') ? "a new line" : "none",
                       fake.body.ends_with('\n') ? "a new line" : "none");
}

std::string difference(std::string_view real_messages, std::string_view fake_messages) {
  const auto by_watch = [](std::string_view messages) {
    Json lines = comparable(std::string(messages));
    const auto watch = [](const Json& line) {
      return line.contains("result") ? line["result"].value("watch_id", std::string("0")) : std::string();
    };
    std::stable_sort(lines.begin(), lines.end(),
                     [&](const Json& one, const Json& other) { return watch(one) < watch(other); });
    return lines;
  };
  return fake::difference(by_watch(real_messages), by_watch(fake_messages), "message");
}

std::string_view reason_to_differ(const Step& step) {
  for (const KnownDifference& known : known_differences) {
    if (std::regex_search(step.text(), std::regex(known.steps))) return known.reason;
  }
  return {};
}

}  // namespace deimos::fake::etcd3

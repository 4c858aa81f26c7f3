// A whole request against a node that holds keys. An input is the method, the target, the content type and the body,
// each ended by a newline but the last: so a recorded request reads as it is. A target that begins with `/v2` goes to a
// node that is taken for an etcd.
//
// Checked besides crashes: every answer is well formed, a refusal says why and changes nothing.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <deimos/fake/node.h>

#include "request_input.h"

namespace {

using deimos::Request;
using deimos::Response;
using deimos::fake::Dialect;
using deimos::fake::Node;
using nlohmann::json;

using deimos::fuzz::require;
using deimos::fuzz::take_line;

Request request_from(std::string_view input) {
  Request request;
  request.method = take_line(input);
  request.target = take_line(input);
  request.content_type = take_line(input);
  request.body = input;
  return request;
}

void fill(Node& node, const std::string& prefix) {
  constexpr const char* form = "application/x-www-form-urlencoded";
  for (const auto& [target, body] :
       {std::pair{"/foo", "value=bar"}, std::pair{"/lease", "value=me&ttl=100"}, std::pair{"/dir/a", "value=1"},
        std::pair{"/dir/b/c", "value=2"}, std::pair{"/dir/_hidden", "value=3"}, std::pair{"/empty", "dir=true"}}) {
    require(node.handle({"PUT", prefix + target, {}, body, form}).status == 201, "cannot fill the node", {});
  }
}

void check_node(const json& node, const Response& response, Dialect dialect, bool may_be_root = true) {
  const bool nameless = dialect == Dialect::etcd2 && may_be_root && node.is_object() && !node.contains("key");
  if (nameless) {
    require(node.contains("dir"), "a nameless node that is not the root", response);
    for (const json& child : node.value("nodes", json::array())) check_node(child, response, dialect, false);
    return;
  }
  require(node.is_object() && node.contains("key"), "a node without a key", response);
  require(node.contains("modifiedIndex") && node.contains("createdIndex"), "a node without indices", response);
  if (!node.contains("nodes")) return;
  for (const json& child : node.at("nodes")) check_node(child, response, dialect, false);
}

/// The answer to a request that came to the keys: an event, a listing or an error.
void check_json(const Response& response, Dialect dialect) {
  const std::string line = response.body.substr(0, response.body.find('\n'));
  // Deeper than this, checking would overflow this program's stack, not the node's.
  if (std::count(line.begin(), line.end(), '[') > 500) return;
  const json body = json::parse(line, nullptr, false);
  require(body.is_object(), "not a JSON object", response);
  if (response.status == 200 || response.status == 201) {
    require(body.contains("action"), "a success without an action", response);
    if (dialect == Dialect::etcd2 && !body.contains("node")) return;  // noValueOnSuccess
    check_node(body.at("node"), response, dialect);
    if (body.contains("prevNode")) check_node(body.at("prevNode"), response, dialect);
  } else {
    require(body.at("errorCode").get<int>() >= 100, "an error without a code", response);
    require(!body.at("message").get<std::string>().empty(), "an error without a message", response);
    require(body.contains("index"), "an error without index", response);
    require(body.contains("cause") || dialect == Dialect::etcd2, "an error without cause", response);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Request request = request_from({reinterpret_cast<const char*>(data), size});
  const Dialect dialect = request.target.starts_with("/v2") ? Dialect::etcd2 : Dialect::deimos;
  Node node({.dialect = dialect});
  fill(node, dialect == Dialect::etcd2 ? "/v2/keys" : "/keys");
  const deimos::fake::NodeStatistics before = node.statistics();
  const Response response = node.handle(request);
  const deimos::fake::NodeStatistics after = node.statistics();

  require(response.status >= 200 && response.status < 600, "no status", response);
  require(after.index == before.index || after.index == before.index + 1, "more than one change", response);
  require(after.watchers == 0, "a watcher is left behind", response);
  if (response.status >= 300 || request.method == "GET") {
    require(after.index == before.index && after.keys == before.keys, "a refusal changed something", response);
  }
  const char* header = dialect == Dialect::etcd2 ? "X-Etcd-Index" : "X-Deimos-Index";
  if (deimos::find_header(response.headers, header) != nullptr) check_json(response, dialect);
  node.advance(std::chrono::hours(1));
  return 0;
}

// A request to the gateway of a node that is taken for an etcd v3. An input is the path behind `/v3`, ended by a
// newline, and the body.
//
// Checked besides crashes: every answer is JSON of the gateway's, a refusal says why and changes nothing, and the node
// goes on serving.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <sstream>
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

Request post(std::string path, std::string body) { return {"POST", "/v3" + path, {}, std::move(body), {}}; }

void fill(Node& node) {
  for (const auto& [path, body] :
       {std::pair{"/kv/put", R"({"key":"YQ==","value":"MQ=="})"}, std::pair{"/lease/grant", R"({"ID":"7","TTL":"60"})"},
        std::pair{"/kv/put", R"({"key":"Yg==","lease":"7"})"}, std::pair{"/kv/deleterange", R"({"key":"YQ=="})"},
        std::pair{"/kv/put", R"({"key":"YQ==","value":"Mg=="})"}, std::pair{"/kv/compaction", R"({"revision":"3"})"}}) {
    const Response response = node.handle(post(path, body));
    require(response.status == 200, "cannot fill the node", response);
  }
}

void check_success(const Response& response) {
  std::istringstream lines(response.body);
  for (std::string line; std::getline(lines, line);) {
    json message = json::parse(line, nullptr, false);
    require(message.is_object(), "not a JSON object", response);
    if (message.contains("result")) message = message["result"];
    require(message.contains("header") && message["header"].contains("member_id"), "no header", response);
  }
}

void check_refusal(const Response& response) {
  if (response.body.starts_with("{")) {
    const json body = json::parse(response.body, nullptr, false);
    require(body.is_object() && body.at("code").is_number(), "a refusal without a code", response);
    require(!body.at("message").get<std::string>().empty(), "a refusal without a message", response);
  } else {
    // Of a target that is none, before it comes to the gateway.
    require(response.status != 400 || response.body == "400 Bad Request", "a refusal that is no JSON", response);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string path = deimos::fuzz::take_line(input);
  Node node({.dialect = Dialect::etcd3});
  fill(node);
  const deimos::fake::NodeStatistics before = node.statistics();
  const Response response = node.handle(post(path, std::string(input)));
  const deimos::fake::NodeStatistics after = node.statistics();
  require(after.index == before.index || after.index == before.index + 1, "more than one revision", response);
  require(after.watchers == 0, "a watch is left behind", response);
  if (response.status == 200) check_success(response);
  if (response.status >= 400) {
    check_refusal(response);
    require(after.index == before.index && after.keys == before.keys, "a refusal changed something", response);
  }
  node.advance(std::chrono::hours(1));
  const Response still = node.handle(post("/kv/range", R"({"key":"AA==","range_end":"AA=="})"));
  require(still.status == 200, "it serves no more", still);
  return 0;
}

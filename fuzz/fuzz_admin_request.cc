// A request to the admin API of a cluster in the middle of things. An input is the method, the target and the body, the
// first two ended by a newline: so a recorded request reads as it is.
//
// Checked besides crashes: every answer is JSON, a refusal says why and changes nothing, and a fault, a plan and data
// that are taken are written as JSON that reads back as the same.
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <deimos/fake/admin.h>
#include <deimos/fake/data_json.h>
#include <deimos/fake/fault_json.h>

#include "request_input.h"

namespace {

using deimos::Request;
using deimos::Response;
using deimos::fake::Admin;
using deimos::fake::Cluster;
using nlohmann::json;

using deimos::fuzz::require;
using deimos::fuzz::take_line;

template <typename Parse>
void check_round_trip(const std::string& text, Parse parse) {
  try {
    const auto value = parse(text);
    const std::string written = deimos::fake::to_json(value);
    require(parse(written) == value, "reads back as something else: " + written, {});
  } catch (const std::invalid_argument&) {
    return;  // None.
  }
}

std::string all_of(const Cluster& cluster) { return cluster.describe() + to_json(cluster.data(true)); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  Request request;
  request.method = take_line(input);
  request.target = take_line(input);
  request.body = input;
  request.content_type = "application/json";
  if (request.body.find("settle") != std::string::npos) return 0;  // Real time is not ours to spend.
  check_round_trip(request.body, deimos::fake::fault_from_json);
  check_round_trip(request.body, deimos::fake::plan_from_json);
  check_round_trip(request.body, deimos::fake::data_from_json);

  Cluster cluster({.nodes = 3, .seed = 1, .journal_entries = 10});
  (void)cluster.node(1).handle({"PUT", "/keys/dir/a", {}, "value=1", "application/x-www-form-urlencoded"});
  cluster.isolate(3);
  cluster.after(std::chrono::seconds(1), deimos::fake::Crash{2});
  cluster.add_rule({"slow", {.key = "/a"}, deimos::fake::Delay{std::chrono::seconds(1), std::chrono::seconds(2)}});
  Admin admin(cluster);
  const std::string before = all_of(cluster);
  const Response response = admin.handle(request);
  if (request.target == "/" && response.status == 200) return 0;
  const json answer = json::parse(response.body, nullptr, false);
  require(!answer.is_discarded(), "not JSON", response);
  if (response.status == 200) {
    const std::string dumped = to_json(cluster.data());
    if (cluster.leader() != 0) cluster.load(deimos::fake::data_from_json(dumped));
    require(to_json(cluster.data()) == dumped, "loads as something else: " + dumped, response);
    return 0;
  }
  require(answer.is_object() && !answer.at("error").get<std::string>().empty(), "a refusal without a reason", response);
  if (response.status == 417) return 0;  // A wait lets time pass.
  require(all_of(cluster) == before, "a refusal that changed something", response);
  return 0;
}

// A request to the admin API of a cluster in the middle of things. An input is the method, the target and the body, the
// first two ended by a newline: so a recorded request reads as it is.
//
// Checked besides crashes: every answer is JSON, a refusal says why and changes nothing, and a fault that is taken is
// written as JSON that reads back as the same.
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <deimos/fake/admin.h>
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

void check_round_trip(const std::string& text) {
  try {
    const deimos::fake::Fault fault = deimos::fake::fault_from_json(text);
    const std::string written = deimos::fake::to_json(fault);
    require(deimos::fake::fault_from_json(written) == fault, "reads back as another fault: " + written, {});
  } catch (const std::invalid_argument&) {
    return;  // No fault.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  Request request;
  request.method = take_line(input);
  request.target = take_line(input);
  request.body = input;
  check_round_trip(request.body);

  Cluster cluster({.nodes = 3, .seed = 1});
  cluster.isolate(3);
  cluster.after(std::chrono::seconds(1), deimos::fake::Crash{2});
  cluster.add_rule({"slow", {.key = "/a"}, deimos::fake::Delay{std::chrono::seconds(1), std::chrono::seconds(2)}});
  Admin admin(cluster);
  const std::string before = cluster.describe();
  const Response response = admin.handle(request);
  if (request.target == "/" && response.status == 200) return 0;
  const json answer = json::parse(response.body, nullptr, false);
  require(!answer.is_discarded(), "not JSON", response);
  if (response.status == 200) return 0;
  require(answer.is_object() && !answer.at("error").get<std::string>().empty(), "a refusal without a reason", response);
  require(cluster.describe() == before, "a refusal that changed something", response);
  return 0;
}

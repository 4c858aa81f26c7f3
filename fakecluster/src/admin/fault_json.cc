#include "admin/fault_json.h"

#include <deimos/fake/fault_json.h>

#include "admin/fault_fields.h"

namespace deimos::fake {
namespace {

struct PlanFields {
  std::optional<Json> faults = {};
  std::vector<std::string> left_out = {};
};

}  // namespace

template <>
inline constexpr const char* object_name<PlanFields> = "plan";
template <>
constexpr auto fields_of<PlanFields>() {
  return std::tuple(JsonField{"faults", &PlanFields::faults}, JsonField{"left_out", &PlanFields::left_out});
}

using json_fields::read_whole;
using json_fields::write;

Json json_of(const Fault& fault) { return write(fault); }
Json json_of(const Rule& rule) { return write(rule); }
Json json_of(const ClusterState& state) { return write(state); }
Json json_of(const RuleStatus& status) { return write(status); }

Fault fault_of(const Json& json, const std::string& where) { return read_whole<Fault>(json, where); }
PlannedFault planned_fault_of(const Json& json, const std::string& where) {
  PlannedFault planned;
  Json fault = json;
  if (json.is_object() && json.contains("after")) {
    planned.after = duration_of(json.at("after"), where.empty() ? "after" : where + ".after");
    fault.erase("after");
  }
  planned.fault = fault_of(fault, where);
  return planned;
}

Plan plan_of(const Json& json) {
  const auto read = read_whole<PlanFields>(json);
  if (!read.faults) json_fields::refuse("", R"(expected a plan, as {"faults": [{"kind": "heal", "after": "1s"}]})");
  Plan plan;
  plan.left_out = read.left_out;
  if (!read.faults->is_array()) json_fields::refuse("faults", "expected an array");
  for (const Json& fault : *read.faults) {
    const std::string where = "faults[" + std::to_string(plan.faults.size()) + "]";
    plan.faults.push_back(planned_fault_of(fault, where));
  }
  return plan;
}

Rule rule_of(const Json& json) { return read_whole<Rule>(json); }
std::chrono::nanoseconds duration_of(const Json& json, const std::string& where) {
  return read_whole<std::chrono::nanoseconds>(json, where);
}
std::uint64_t number_of(const Json& json, const std::string& where) { return read_whole<std::uint64_t>(json, where); }

std::string to_json(const Fault& fault) { return text_of(json_of(fault)); }
std::string to_json(const Rule& rule) { return text_of(json_of(rule)); }
std::string to_json(const Plan& plan) {
  std::string text = "{\"faults\": [";
  for (const PlannedFault& planned : plan.faults) {
    Json fault = json_of(planned.fault);
    fault["after"] = duration_text(planned.after);
    text += (&planned == plan.faults.data() ? "\n  " : ",\n  ") + text_of(fault);
  }
  text += plan.faults.empty() ? "]" : "\n]";
  if (!plan.left_out.empty()) text += ",\n\"left_out\": " + text_of(plan.left_out);
  return text + "}";
}
Fault fault_from_json(std::string_view text) { return fault_of(parse_json(text)); }
Plan plan_from_json(std::string_view text) { return plan_of(parse_json(text)); }
Rule rule_from_json(std::string_view text) { return rule_of(parse_json(text)); }

}  // namespace deimos::fake

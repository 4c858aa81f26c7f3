// What the admin API does to the cluster: faults, rules, time.
#include <chrono>
#include <vector>

#include <deimos/internal/rfc3339.h>

#include "admin/admin_call.h"
#include "admin/fault_json.h"
#include "faults/fault_text.h"

namespace deimos::fake {
namespace {

/// What happens on the way (elections without end, say) takes real time, in which nobody else is served.
constexpr std::chrono::hours longest_advance{24};

}  // namespace

Json get_clock(const AdminCall& call) { return {{"now", internal::rfc3339_text(call.cluster.now())}}; }

Json get_cluster(const AdminCall& call) { return json_of(call.cluster.state()); }

Json get_faults(const AdminCall& call) {
  Json faults = Json::array();
  for (const PendingFault& fault : call.cluster.pending_faults()) {
    faults.push_back({{"id", fault.id}, {"at", internal::rfc3339_text(fault.at)}, {"fault", json_of(fault.fault)}});
  }
  return faults;
}

Json post_faults(const AdminCall& call) {
  const Json body = parse_json(call.request.body);
  const PlannedFault planned = planned_fault_of(body);
  Json answer{{"description", describe(planned.fault)}};
  if (body.is_object() && body.contains("after")) {
    answer["id"] = call.cluster.after(planned.after, planned.fault);
  } else {
    call.cluster.apply(planned.fault);
  }
  return answer;
}

Json delete_faults(const AdminCall& call) {
  const std::uint64_t id = call.number();
  if (!call.cluster.cancel(id)) throw Refused(404, "no fault " + std::to_string(id) + " is to come");
  return Json::object();
}

Json post_plan(const AdminCall& call) {
  const Plan plan = plan_of(parse_json(call.request.body));
  const std::vector<FaultId> ids = call.cluster.run(plan);
  Json faults = Json::array();
  for (std::size_t at = 0; at < ids.size(); ++at) {
    const PlannedFault& planned = plan.faults[at];
    Json fault{{"after", duration_text(planned.after)}, {"description", describe(planned.fault)}};
    if (ids[at] != 0) fault["id"] = ids[at];
    faults.push_back(std::move(fault));
  }
  return {{"faults", std::move(faults)}, {"left_out", plan.left_out}};
}

Json get_rules(const AdminCall& call) {
  Json rules = Json::array();
  for (const RuleStatus& status : call.cluster.rules()) rules.push_back(json_of(status));
  return rules;
}

Json post_rules(const AdminCall& call) {
  Rule rule = rule_of(call.object());
  std::string description = describe(rule);
  return {{"id", call.cluster.add_rule(std::move(rule))}, {"description", std::move(description)}};
}

Json delete_rules(const AdminCall& call) {
  if (!call.id) {
    call.cluster.apply(RemoveRules{});
  } else if (const std::uint64_t id = call.number(); !call.cluster.remove_rule(id)) {
    throw Refused(404, "there is no rule " + std::to_string(id));
  }
  return Json::object();
}

Json post_clock(const AdminCall& call) {
  Json body = call.object();
  const std::optional<Json> by = take(body, "advance");
  check_all_taken(body, "advance");
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
  return get_clock(call);
}

Json post_reset(const AdminCall& call) {
  Json body = call.request.body.empty() ? Json::object() : call.object();
  const std::optional<Json> seed = take(body, "seed");
  check_all_taken(body, "seed");
  if (seed) {
    call.cluster.reset(number_of(*seed, "seed"));
  } else {
    call.cluster.reset();
  }
  return get_cluster(call);
}

}  // namespace deimos::fake

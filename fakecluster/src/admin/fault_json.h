// Faults, rules and states as JSON values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <deimos/fake/cluster.h>

#include "admin/json_text.h"

namespace deimos::fake {

[[nodiscard]] Json json_of(const Fault& fault);
[[nodiscard]] Json json_of(const Rule& rule);
[[nodiscard]] Json json_of(const ClusterState& state);
[[nodiscard]] Json json_of(const RuleStatus& status);

/// These throw std::invalid_argument, saying what is wrong and where.
[[nodiscard]] Fault fault_of(const Json& json, const std::string& where = {});
[[nodiscard]] Rule rule_of(const Json& json);
/// A fault, with `after` or without.
[[nodiscard]] PlannedFault planned_fault_of(const Json& json, const std::string& where = {});
[[nodiscard]] Plan plan_of(const Json& json);
[[nodiscard]] std::chrono::nanoseconds duration_of(const Json& json, const std::string& where);
[[nodiscard]] std::uint64_t number_of(const Json& json, const std::string& where);

}  // namespace deimos::fake

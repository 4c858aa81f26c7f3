// A plan of faults: what goes wrong in a cluster, and when. A script as a plain value, and as JSON (fault_json.h).
//
//   cluster.run({.faults = {{1s, deimos::fake::Isolate{2}}, {5s, deimos::fake::Rejoin{2}}}});
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <deimos/fake/fault.h>
#include <deimos/fake/node_id.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

struct PlannedFault {
  std::chrono::nanoseconds after{};  ///< Since the plan was started; 0: at once.
  Fault fault = {};
  bool operator==(const PlannedFault&) const = default;
};

struct Plan {
  std::vector<PlannedFault> faults = {};  ///< In any order; those of one instant happen in the order given.
  /// For people: what else went wrong where the plan comes from, that a cluster alone cannot do (a crash of a client).
  std::vector<std::string> left_out = {};
  bool operator==(const Plan&) const = default;
};

/// Throws std::invalid_argument, saying which fault and why, if one can never happen in a cluster of `nodes` nodes.
DEIMOS_EXPORT void validate(const Plan& plan, NodeId nodes);

}  // namespace deimos::fake

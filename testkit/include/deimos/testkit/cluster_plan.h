// A fault plan for a cluster that is not simulated: a run that failed in a Simulation, against deimos-fake.
//
//     std::ofstream("plan.json") << fake::to_json(cluster_plan(plan));    // deimos-fake --plan plan.json
#pragma once

#include <deimos/fake/plan.h>
#include <deimos/internal/export.h>
#include <deimos/testkit/fault_plan.h>

namespace deimos::testkit {

/// What of `plan` a cluster alone can do, each episode with what undoes it. Left out, and said (fake::Plan::left_out),
/// is what only a simulation can: pauses and crashes of client processes, their network, their random delays.
[[nodiscard]] DEIMOS_EXPORT fake::Plan cluster_plan(const FaultPlan& plan);

}  // namespace deimos::testkit

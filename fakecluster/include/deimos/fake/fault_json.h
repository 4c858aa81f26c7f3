// Faults, rules and plans as JSON, as the admin API, scripts and saved plans write them: objects whose fields are named
// as the members in fault.h and rule.h, with a `kind` that says which fault or action it is (name_of()).
//
//   {"kind": "partition", "groups": [[1], [2, 3]]}
//   {"kind": "skew_clock", "node": 2, "offset": "-1.5s"}
//   {"name": "lost grant", "match": {"method": "PUT", "key": "/locks/*", "nth": 1}, "action": "drop_answer"}
//
//   {"faults": [{"kind": "isolate", "node": 2, "after": "1s"}, {"kind": "rejoin", "node": 2, "after": "5s"}]}
//
// A field that is left out has the value it has by default in C++. A fault or action with nothing but its kind may
// be written as that text alone. A duration is a text with its unit: `h`, `min`, `s`, `ms`, `us` or `ns`.
#pragma once

#include <string>
#include <string_view>

#include <deimos/fake/cluster_state.h>
#include <deimos/fake/fault.h>
#include <deimos/fake/plan.h>
#include <deimos/fake/rule.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

/// What is written reads back as the same value.
[[nodiscard]] DEIMOS_EXPORT std::string to_json(const Fault& fault);
[[nodiscard]] DEIMOS_EXPORT std::string to_json(const Rule& rule);
/// A fault a line.
[[nodiscard]] DEIMOS_EXPORT std::string to_json(const Plan& plan);

/// Throw std::invalid_argument, saying what is wrong and where, for anything but one JSON value as above: also for a
/// field that does not exist, is given twice, or has a value of another type. Whether the fault can happen in a cluster
/// is validate()'s business.
[[nodiscard]] DEIMOS_EXPORT Fault fault_from_json(std::string_view text);
[[nodiscard]] DEIMOS_EXPORT Rule rule_from_json(std::string_view text);
[[nodiscard]] DEIMOS_EXPORT Plan plan_from_json(std::string_view text);

}  // namespace deimos::fake

// What the admin API says, as JSON values: the writing and the strict reading of plain values by their lists of fields.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <deimos/fake/cluster.h>

namespace deimos::fake {

/// Fields stay in the order in which they are written.
using Json = nlohmann::ordered_json;

/// Throws std::invalid_argument for anything but one JSON value, or if an object has a field twice.
[[nodiscard]] Json parse_json(std::string_view text);
/// One line; bytes that are no UTF-8 become U+FFFD.
[[nodiscard]] std::string text_of(const Json& json);

[[nodiscard]] Json json_of(const Fault& fault);
[[nodiscard]] Json json_of(const Rule& rule);
[[nodiscard]] Json json_of(const ClusterState& state);
[[nodiscard]] Json json_of(const RuleStatus& status);

/// These throw std::invalid_argument, saying what is wrong and where.
[[nodiscard]] Fault fault_of(const Json& json);
[[nodiscard]] Rule rule_of(const Json& json);
[[nodiscard]] std::chrono::nanoseconds duration_of(const Json& json, const std::string& where);
[[nodiscard]] std::uint64_t number_of(const Json& json, const std::string& where);

}  // namespace deimos::fake

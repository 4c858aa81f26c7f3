// Words for faults, rules and states.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <deimos/fake/node_id.h>
#include <deimos/internal/duration_text.h>

namespace deimos::fake {

/// `{2, 3}`.
[[nodiscard]] std::string group_text(const std::vector<NodeId>& group);
/// `1.5s`, `250ms`, `3us`, `7ns`: exact.
[[nodiscard]] std::string duration_text(std::chrono::nanoseconds duration);
using internal::parse_duration;  // What duration_text() and signed_duration_text() write, and more.
/// `+1.5s`, `-250ms`.
[[nodiscard]] std::string signed_duration_text(std::chrono::nanoseconds duration);
/// `100ms`, or `100ms to 2s`.
[[nodiscard]] std::string range_text(std::chrono::nanoseconds least, std::chrono::nanoseconds most);
/// `0.5`, `2`.
[[nodiscard]] std::string number_text(double number);

}  // namespace deimos::fake

// The end of a history as somebody needs it who looks for the cause of a failure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <deimos/testkit/history.h>

namespace deimos::testkit {

/// At most `lines` of `events`, a line each: faults, notes, locks and the failure itself before all else, then messages
/// of `process`, then those about the same keys, then all others, and tasks that began and ended; always the latest.
/// What the test's own observer did is left out. A line more says how many are missing.
[[nodiscard]] std::string relevant_tail(const std::vector<HistoryEvent>& events, const std::string& process,
                                        std::size_t lines);

}  // namespace deimos::testkit

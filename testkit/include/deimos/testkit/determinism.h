// Finds out whether a program does the same every time it is run with the same seed.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <deimos/internal/export.h>
#include <deimos/testkit/simulation.h>

namespace deimos::testkit {

/// Where two runs part.
struct Divergence {
  std::uint64_t sequence = 0;          ///< Number of the first event that differs.
  std::optional<HistoryEvent> first;   ///< What the first run had there; none: it had ended.
  std::optional<HistoryEvent> second;  ///< What the second run had there.
  std::string report;                  ///< For people, with the events before.
};

/// Runs `program` twice with the same options, each time in a fresh simulation, and compares the histories event by
/// event. Keeps both in full: some 300 bytes an event. A SimulationFailure that both runs end with is no divergence;
/// other exceptions come through.
[[nodiscard]] DEIMOS_EXPORT std::optional<Divergence> check_determinism(
    SimulationOptions options, const std::function<void(Simulation&)>& program);

}  // namespace deimos::testkit

// Cluster incidents, for run traces. (For what is asked of its store: audit.h.)
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <deimos/fake/clock.h>
#include <deimos/fake/node_id.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

struct Incident {
  enum class Kind : std::uint8_t {
    fault,     ///< One was applied, or a rule added or removed.
    election,  ///< A node leads in a new term.
    quorum,    ///< The leader has lost its majority.
    rule,      ///< One acted on a request (Pass aside).
  };
  Instant at{};  ///< True time.
  Kind kind = Kind::fault;
  NodeId node = 0;   ///< The leader, or the node that was asked; 0: a fault.
  std::string text;  ///< `isolate node 2`, `leads in term 2`, `drop_answer of PUT /keys/a by worker`.
};

/// Called whenever there is one, by whatever call brought it about. Must be quick and must not call the cluster.
using IncidentObserver = std::function<void(const Incident&)>;

/// `fault`, `election`, …
[[nodiscard]] DEIMOS_EXPORT std::string_view to_string(Incident::Kind kind) noexcept;

}  // namespace deimos::fake

// A run drawn against time: a lane for each process and node, with what each believed, sent and suffered. As text for
// terminals and logs, and as one HTML file that needs no network.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <deimos/internal/export.h>
#include <deimos/runtime.h>
#include <deimos/testkit/fault_plan.h>
#include <deimos/testkit/history.h>
#include <deimos/testkit/lock_history.h>

namespace deimos::testkit {

/// All instants are true virtual time since the start of the run.
struct DEIMOS_EXPORT Timeline {
  /// Something that lasted.
  struct Span {
    std::string lane;
    Duration from = {};
    Duration until = {};
    std::string kind;  ///< `holds`, `waits`, `paused`, `fault`, `calls`, `serves`: decides the colour.
    std::string text;
    std::string details = {};
  };
  /// Something that happened.
  struct Mark {
    std::string lane;
    Duration at = {};
    std::string kind;  ///< As HistoryEvent::kind.
    std::string text;
  };

  std::string title;
  std::vector<std::string> lanes;  ///< In the order shown; lanes of spans and marks that are not among them follow.
  std::vector<Span> spans;
  std::vector<Mark> marks;
  Duration end = {};
  std::optional<Duration> violated = {};  ///< The first instant at which something was wrong.
  std::string verdict = {};               ///< What was wrong.

  /// Adds what processes did with locks: tenures, waits, pauses, requests.
  void add(const LockHistory& history);
  /// Adds the events of a simulation: what happened to nodes and processes, and how long calls between processes took.
  void add(const History& history);
  /// Adds faults as they were planned.
  void add(const FaultPlan& plan);

  /// One line for each span and mark in the order of time, the last `most` before the violation (or the end); the
  /// violation stands out. Says how many are left out.
  [[nodiscard]] std::string as_text(std::size_t most = 100) const;
  /// One self-contained page: zoom (wheel, keys), hover for details, search; light and dark. At most `most` marks and
  /// spans, the nearest to the violation (or the end); the page says how many are left out.
  [[nodiscard]] std::string as_html(std::size_t most = 10'000) const;
};

/// Writes the page to `path`. Throws std::system_error if it cannot be written.
DEIMOS_EXPORT void write_html(const Timeline& timeline, const std::string& path);

}  // namespace deimos::testkit

// The truth about every change, for checkers: who asked for it, when it was applied and what came of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <deimos/error.h>
#include <deimos/fake/clock.h>
#include <deimos/fake/command.h>
#include <deimos/fake/event.h>
#include <deimos/fake/node_id.h>

namespace deimos::fake {

/// One committed command; one of a sweep for each key that it expired.
struct AuditRecord {
  Instant at{};                 ///< True time at which it was committed.
  std::uint64_t log_index = 0;  ///< Its place among all that was committed, reads included.
  std::uint64_t term = 0;
  NodeId accepted_by = 0;     ///< The node that was asked; for a sweep and a fault, the leader.
  Instant accepted_at{};      ///< True time at which that node took it.
  std::string client;         ///< Origin::client, and whatever is said there. Empty for sweeps and faults.
  std::uint64_t request = 0;  ///< Origin::request.
  Command::Kind kind = Command::Kind::set;
  std::string key;
  std::string value;
  std::string previous_value;        ///< What it was compared with; empty: not compared.
  std::uint64_t previous_index = 0;  ///< Likewise; 0: not compared.
  /// Whether it had to find the key as the caller knew it (absent, of a value, of an index), so that it cannot have
  /// hit another's.
  bool compared = false;
  /// Success if the code is 0 (`!code`).
  std::error_code error;
  std::optional<Event> event;  ///< What happened, if it succeeded.
};

/// When a request was committed.
struct Applied {
  Instant at{};                 ///< True time.
  std::uint64_t log_index = 0;  ///< AuditRecord::log_index.
  bool succeeded = false;       ///< Else the store refused it.
};

/// Called at each commit, in log order, by whatever call commits. Must be quick and must not call the cluster.
using AuditObserver = std::function<void(const AuditRecord&)>;

}  // namespace deimos::fake

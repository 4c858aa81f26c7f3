// Follows who leads an election.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include <deimos/leader.h>

#include "locks/session/lock_session.h"

namespace deimos {

/// Who leads right now, and the store's revision at that reading.
struct LeaderReading {
  std::optional<Leader> leader;
  std::string key;  ///< Of its record; empty if there is none.
  std::uint64_t revision = 0;
};

/// errc::lock_kind_differs, not_a_directory: this is no election.
[[nodiscard]] Result<LeaderReading> read_leader(LockSession& session, const std::string& name, const std::string& queue,
                                                const Deadline& until);

/// As Election::observe(); the session is not to close meanwhile.
[[nodiscard]] Error follow_leaders(LockSession& session, const std::string& name, const std::string& queue,
                                   const std::function<void(const std::optional<Leader>&)>& on_change,
                                   const std::stop_token& stop);

}  // namespace deimos

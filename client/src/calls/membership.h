// Keeping the endpoints in step with the cluster's members.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <deimos/error.h>

#include "calls/caller.h"

namespace deimos {

/// See Client::sync().
[[nodiscard]] Result<std::vector<std::string>> sync_members(Caller& caller, std::optional<Duration> timeout,
                                                            const std::stop_token& stop);

/// Syncs every ClientOptions::sync_interval until `stop`. A failure is left to the next time.
void keep_members_in_sync(Caller& caller, const std::stop_token& stop);

}  // namespace deimos

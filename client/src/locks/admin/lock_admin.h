// What the store says of locks, and what an administrator may do to them.
#pragma once

#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include <deimos/lock_options.h>
#include <deimos/release_request.h>

#include "locks/session/lock_session.h"

namespace deimos {

// As the members of LockManager with these names.
[[nodiscard]] Result<std::optional<LockInfo>> lock_info(LockSession& session, std::string_view name,
                                                        std::stop_token stop);
[[nodiscard]] Result<std::vector<LockInfo>> list_locks(LockSession& session, std::string_view below,
                                                       std::stop_token stop);
[[nodiscard]] Result<std::vector<LockInfo>> lock_line(LockSession& session, std::string_view name,
                                                      std::stop_token stop);
[[nodiscard]] Result<bool> ask_to_release(LockSession& session, std::string_view name, const ReleaseDemand& demand,
                                          std::stop_token stop);
[[nodiscard]] Result<bool> force_unlock(LockSession& session, std::string_view name, std::stop_token stop);

/// The key of that part of the prefix; empty: of all of it. errc::invalid_key.
[[nodiscard]] Result<std::string> directory_of(const LockSession& session, std::string_view below);
/// Those who hold locks or wait for them, by the records below the prefix; by name.
[[nodiscard]] std::vector<LockInfo> infos_below(const LockSession& session, Listing listing);
/// As Semaphore::resize().
Result<void> resize_semaphore(LockSession& session, std::string_view name, int permits, std::stop_token stop);

}  // namespace deimos

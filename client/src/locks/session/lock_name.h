// Which names, prefixes and owners of locks can be used. Each check says why not.
#pragma once

#include <optional>
#include <string_view>

#include <deimos/error.h>
#include <deimos/release_request.h>

namespace deimos {

/// errc::invalid_key; the rules are at LockManager::mutex().
[[nodiscard]] std::optional<Error> check_lock_name(std::string_view name);
/// errc::invalid_argument; the rules are at LockOptions::prefix.
[[nodiscard]] std::optional<Error> check_lock_prefix(std::string_view prefix);
/// errc::invalid_argument; the rules are at LockOptions::owner.
[[nodiscard]] std::optional<Error> check_lock_owner(std::string_view owner);
/// errc::invalid_argument; the rules are at ReleaseDemand.
[[nodiscard]] std::optional<Error> check_release_demand(const ReleaseDemand& demand);

}  // namespace deimos

// Which options of locks can be used. Each check says the rule, the option and its value.
#pragma once

#include <optional>

#include <deimos/error.h>
#include <deimos/lock_options.h>

namespace deimos {

/// errc::invalid_argument; the rules are at the members of LockOptions.
[[nodiscard]] std::optional<Error> check_lock_options(const LockOptions& options);
/// errc::invalid_argument; the rules are at the members of AcquireOptions. Its ttl is lease_of()'s to check.
[[nodiscard]] std::optional<Error> check_acquire_options(const AcquireOptions& options);

}  // namespace deimos

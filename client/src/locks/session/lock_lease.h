// How long a lease lasts: for the store, for its holder, and how it is renewed in between.
#pragma once

#include <chrono>

#include <deimos/error.h>
#include <deimos/lock_options.h>
#include <deimos/runtime.h>

namespace deimos {

struct LockLease {
  std::chrono::seconds stored{};  ///< What the store is told.
  Duration usable{};              ///< From the send of a granting write to the holder's deadline.
  Duration renewal_interval{};    ///< From one renewal's send to the next.
  Duration attempt_timeout{};     ///< Of one renewal, so that two more fit before the deadline.
};

/// errc::invalid_argument if such a lease cannot be kept.
[[nodiscard]] Result<LockLease> lease_of(const LockOptions& options, Duration ttl);

/// How long after now a write of unknown outcome may leave a record behind: its lease counts from when a node takes it
/// up, no later than one more time-out from now, if it is still under way.
[[nodiscard]] Duration longest_trace(const LockLease& lease, const LockOptions& options) noexcept;

/// The TTL left, as the store shows it, at which a lease is over for everybody: even its holder, whose node's clock may
/// be behind by the skew allowed for.
[[nodiscard]] bool is_over(std::chrono::seconds ttl_left, const LockOptions& options) noexcept;
/// From a reading of `ttl_left` to the instant at which is_over() holds if the lease is not renewed.
[[nodiscard]] Duration until_over(std::chrono::seconds ttl_left, const LockOptions& options) noexcept;

}  // namespace deimos

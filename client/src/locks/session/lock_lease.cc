#include "locks/session/lock_lease.h"

#include <algorithm>
#include <string>

#include <deimos/internal/broken_rule.h>
#include <deimos/internal/duration_text.h>

namespace deimos {
namespace {

using std::chrono::seconds;

}  // namespace

Result<LockLease> lease_of(const LockOptions& options, Duration ttl) {
  constexpr seconds shortest{1};
  constexpr seconds longest = std::chrono::hours(24 * 3650);
  if (ttl < shortest || ttl > longest) {
    return fail(errc::invalid_argument, internal::broken_rule("ttl must be from 1s to 10 years", ttl));
  }
  const auto counted = std::chrono::floor<seconds>(ttl);
  const double error = options.max_clock_rate_error * static_cast<double>(Duration(counted).count());
  const Duration margin = options.max_clock_skew + Duration(static_cast<Duration::rep>(error));
  LockLease lease;
  lease.stored = std::chrono::ceil<seconds>(ttl);
  lease.usable = counted - margin;
  if (lease.usable < Duration(counted) / 4) {
    return fail(errc::invalid_argument,
                "a ttl of " + internal::duration_text(counted) + " leaves less than a quarter of itself after " +
                    "the margin of " + internal::duration_text(margin) + " (max_clock_rate_error, max_clock_skew)");
  }
  const Duration half = lease.usable / 2;
  lease.renewal_interval =
      options.renewal_interval == Duration::zero() ? lease.usable / 3 : std::min(options.renewal_interval, half);
  lease.attempt_timeout = std::min(options.request_timeout, (lease.usable - lease.renewal_interval) * 3 / 10);
  return lease;
}

Duration longest_trace(const LockLease& lease, const LockOptions& options) noexcept {
  return lease.stored + options.max_clock_skew + options.request_timeout;
}

bool is_over(seconds ttl_left, const LockOptions& options) noexcept { return ttl_left < -options.max_clock_skew; }

Duration until_over(seconds ttl_left, const LockOptions& options) noexcept {
  // The store rounds up, so -1 s is shown from the end of the lease + 1 s on.
  return ttl_left + std::chrono::floor<seconds>(options.max_clock_skew) + seconds(1);
}

}  // namespace deimos

#include "locks/session/lock_options_check.h"

#include <array>
#include <chrono>
#include <string>

#include <deimos/internal/broken_rule.h>
#include <deimos/internal/duration_text.h>

#include "locks/session/lock_lease.h"
#include "locks/session/lock_name.h"

namespace deimos {
namespace {

/// So that sums of a few of them are instants still.
constexpr Duration a_year = std::chrono::hours(24 * 366);

/// An option that is a duration, and the smallest that it may be.
struct Bound {
  const char* name;
  Duration value;
  Duration least;
};

template <typename Value>
std::optional<Error> refused(const std::string& rule, const Value& value) {
  return fail(errc::invalid_argument, internal::broken_rule(rule, value)).value();
}

std::optional<Error> check(const Bound& bound) {
  const std::string name = bound.name;
  if (bound.value < bound.least) {
    return refused(name + (bound.least == Duration::zero() ? " must not be negative" : " must be positive"),
                   bound.value);
  }
  if (bound.value > a_year) return refused(name + " must be at most a year", bound.value);
  return std::nullopt;
}

}  // namespace

std::optional<Error> check_lock_options(const LockOptions& options) {
  if (auto error = check_lock_prefix(options.prefix)) return error;
  if (auto error = check_lock_owner(options.owner)) return error;
  if (!(options.max_clock_rate_error >= 0 && options.max_clock_rate_error <= 0.5)) {
    return refused("max_clock_rate_error must be from 0 to 0.5", options.max_clock_rate_error);
  }
  const std::array bounds{Bound{"max_clock_skew", options.max_clock_skew, Duration::zero()},
                          Bound{"request_timeout", options.request_timeout, Duration(1)},
                          Bound{"poll_interval", options.poll_interval, Duration(1)},
                          Bound{"renewal_interval", options.renewal_interval, Duration::zero()}};
  for (const Bound& bound : bounds) {
    if (auto error = check(bound)) return error;
  }
  constexpr std::size_t most_renewals = 1000;
  if (options.max_renewals_at_once < 1 || options.max_renewals_at_once > most_renewals) {
    return refused("max_renewals_at_once must be from 1 to 1000", options.max_renewals_at_once);
  }
  const Result<LockLease> lease = lease_of(options, options.ttl);
  if (!lease) return lease.error();
  if (options.renewal_interval > lease->usable / 2) {
    return refused("renewal_interval must leave time for a second attempt: at most " +
                       internal::duration_text(lease->usable / 2) + ", half of what ttl leaves after the margin",
                   options.renewal_interval);
  }
  return std::nullopt;
}

std::optional<Error> check_acquire_options(const AcquireOptions& options) {
  if (options.wait < Duration::zero()) return refused("wait must not be negative", options.wait);
  if (options.max_retries < 0) return refused("max_retries must not be negative", options.max_retries);
  if (options.max_hold <= Duration::zero()) return refused("max_hold must be positive", options.max_hold);
  return check({"retry_interval", options.retry_interval, Duration::zero()});
}

}  // namespace deimos

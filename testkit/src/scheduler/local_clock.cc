#include <deimos/testkit/local_clock.h>

#include <cmath>
#include <stdexcept>

#include <deimos/internal/broken_rule.h>

namespace deimos::testkit {
namespace {

__extension__ using Wide = __int128;
constexpr std::int64_t billion = 1'000'000'000;

std::int64_t to_ppb(double rate) {
  if (!(rate >= 0 && rate < 100))
    throw std::invalid_argument(internal::broken_rule("rate must be from 0 to below 100", rate));
  return std::llround((rate - 1) * static_cast<double>(billion));
}

TimePoint saturated(Wide count) noexcept {
  if (count >= Wide{TimePoint::max().time_since_epoch().count()}) return TimePoint::max();
  if (count <= Wide{TimePoint::min().time_since_epoch().count()}) return TimePoint::min();
  return TimePoint(Duration(static_cast<Duration::rep>(count)));
}

}  // namespace

LocalClock::LocalClock(TimePoint start, ClockOptions options)
    : base_true_(start), base_local_(start), rate_ppb_(to_ppb(options.rate)) {
  constexpr Duration most = std::chrono::hours(24 * 366);
  if (options.offset > most || options.offset < -most) {
    throw std::invalid_argument(internal::broken_rule("offset must be less than a year", options.offset));
  }
  base_local_ += options.offset;
}

TimePoint LocalClock::local(TimePoint true_time) const noexcept {
  if (rate_ppb_ == 0) return saturating_add(true_time, base_local_ - base_true_);
  const Wide elapsed = (true_time - base_true_).count();
  return saturated(Wide{base_local_.time_since_epoch().count()} + elapsed + elapsed * rate_ppb_ / billion);
}

TimePoint LocalClock::true_time(TimePoint local_time) const noexcept {
  if (local_time == TimePoint::max()) return local_time;
  if (rate_ppb_ == 0) return saturating_add(local_time, base_true_ - base_local_);
  const Wide elapsed = Wide{local_time.time_since_epoch().count()} - base_local_.time_since_epoch().count();
  if (elapsed <= 0) return base_true_;
  const Wide rate = Wide{billion} + rate_ppb_;
  if (rate == 0) return TimePoint::max();
  TimePoint result = saturated(Wide{base_true_.time_since_epoch().count()} + elapsed * billion / rate);
  // Both directions round: step to where the clock really shows it.
  while (result != TimePoint::max() && local(result) < local_time) result += Duration(1);
  return result;
}

void LocalClock::set_rate(TimePoint now, double rate) {
  const std::int64_t ppb = to_ppb(rate);
  base_local_ = local(now);
  base_true_ = now;
  rate_ppb_ = ppb;
}

}  // namespace deimos::testkit

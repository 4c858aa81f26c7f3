#include "calls/backoff.h"

#include <algorithm>

namespace deimos {

Duration Backoff::pause(Runtime& runtime) {
  const Duration whole = std::min(next_, policy_.max_backoff);
  const double longer = static_cast<double>(whole.count()) * policy_.multiplier;
  next_ = longer < static_cast<double>(policy_.max_backoff.count()) ? Duration(static_cast<Duration::rep>(longer))
                                                                    : policy_.max_backoff;
  constexpr double steps = 1ULL << 32U;
  const double fraction = static_cast<double>(runtime.random() >> 32U) / steps;
  return whole - Duration(static_cast<Duration::rep>(static_cast<double>(whole.count()) * policy_.jitter * fraction));
}

}  // namespace deimos

#include "locks/session/lock_watchdog.h"

#include <algorithm>
#include <vector>

#include "locks/session/lock_session.h"

namespace deimos {

LockWatchdog::LockWatchdog(LockSession& session) : session_(session), alarm_(session.runtime()) {}

void LockWatchdog::consider(const LockAcquisition& acquisition) { alarm_.set_by(acquisition.deadline()); }

void LockWatchdog::run(const std::stop_token& stop) {
  alarm_.run(stop, [this] { return end_overdue(); });
}

TimePoint LockWatchdog::end_overdue() {
  const TimePoint now = session_.runtime().now();
  TimePoint next = TimePoint::max();
  std::vector<std::shared_ptr<LockAcquisition>> overdue;
  session_.for_each_held([&](const std::shared_ptr<LockAcquisition>& acquisition) {
    const TimePoint deadline = acquisition->deadline();
    if (deadline <= now) {
      overdue.push_back(acquisition);
    } else {
      next = std::min(next, deadline);
    }
  });
  for (const auto& acquisition : overdue) session_.lose(acquisition, acquisition->why_not_held());
  return next;
}

}  // namespace deimos

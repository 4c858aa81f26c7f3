#include "locks/session/lock_watchdog.h"

#include <utility>

namespace deimos {

LockWatchdog::LockWatchdog(Runtime& runtime, HeldLeases& held, Lose lose)
    : runtime_(runtime), held_(held), lose_(std::move(lose)), timer_(runtime) {}

void LockWatchdog::consider(const LockAcquisition& acquisition) { timer_.set_by(acquisition.deadline()); }

void LockWatchdog::run(const std::stop_token& stop) {
  timer_.run(stop, [this] {
    for (const auto& acquisition : held_.take_overdue(runtime_.now())) lose_(acquisition);
    return held_.next_deadline();
  });
}

}  // namespace deimos

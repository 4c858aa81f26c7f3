// Runs a fake cluster on virtual time.
#pragma once

#include <deimos/fake/cluster.h>
#include <deimos/testkit/scheduler.h>

namespace deimos::testkit {

/// The time of day that is as true as the scheduler's time.
class TrueClock final : public fake::Clock {
 public:
  explicit TrueClock(const Scheduler& scheduler) noexcept : scheduler_(scheduler) {}
  [[nodiscard]] fake::Instant now() const noexcept override { return fake::ManualClock::epoch + scheduler_.elapsed(); }
  /// The scheduler's time when this clock shows `instant`; Instant::max() is never.
  [[nodiscard]] static TimePoint when(fake::Instant instant) noexcept {
    if (instant == fake::Instant::max()) return TimePoint::max();
    return saturating_add(Scheduler::start, instant - fake::ManualClock::epoch);
  }

 private:
  const Scheduler& scheduler_;
};

/// Lets the cluster do what is due, when it is. The cluster must have a TrueClock of the same scheduler, and outlive
/// this.
class ClusterDriver final : public Timer {
 public:
  ClusterDriver(Scheduler& scheduler, fake::Cluster& cluster);
  ~ClusterDriver() override;

 private:
  void fire() override;
  void wake_at(fake::Instant due);

  Scheduler& scheduler_;
  fake::Cluster& cluster_;
};

}  // namespace deimos::testkit

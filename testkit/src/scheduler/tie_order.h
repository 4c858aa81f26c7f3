// The policy of a scheduler at work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>

#include <deimos/testkit/random.h>
#include <deimos/testkit/scheduling_policy.h>

#include "scheduler/fiber.h"

namespace deimos::testkit {

class TieOrder {
 public:
  /// Throws std::invalid_argument for a depth out of its range.
  explicit TieOrder(const SchedulingPolicy& policy);

  /// Puts a task that was woken among those that can run.
  void insert(FiberQueue& runnable, Fiber& fiber);
  /// Where a timer goes among those of the same instant, the lowest first. `fiber`: whose wait it ends, if it does.
  [[nodiscard]] std::uint64_t place_of_timer(Fiber* fiber);
  /// `fiber` is about to go on. True if it must not: it has just fallen behind the others that can run.
  [[nodiscard]] bool falls_behind(Fiber& fiber, const FiberQueue& others);

 private:
  [[nodiscard]] std::uint64_t priority_of(Fiber& fiber);

  SchedulingPolicy policy_;
  RandomStream random_;
  std::uint64_t last_sequence_ = 0;
  std::uint64_t step_ = 0;
  std::multiset<std::uint64_t> change_points_;  // Of pct: steps at which a task falls behind.
};

}  // namespace deimos::testkit

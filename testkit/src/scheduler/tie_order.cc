#include "scheduler/tie_order.h"

#include <stdexcept>

#include <deimos/internal/broken_rule.h>

namespace deimos::testkit {
namespace {

using Kind = SchedulingPolicy::Kind;

// Priorities that were fallen to are below those drawn at the start; 0 is for none yet.
constexpr std::uint64_t first_priority = 1000;

}  // namespace

TieOrder::TieOrder(const SchedulingPolicy& policy) : policy_(policy), random_(policy.seed, "ties") {
  if (policy.depth < 1 || policy.depth > 100) {
    throw std::invalid_argument(internal::broken_rule("SchedulingPolicy::depth must be from 1 to 100", policy.depth));
  }
  if (policy.kind != Kind::pct) return;
  for (int i = 1; i < policy.depth; ++i) change_points_.insert(1 + random_.below(policy.steps == 0 ? 1 : policy.steps));
}

std::uint64_t TieOrder::priority_of(Fiber& fiber) {
  if (fiber.priority == 0) fiber.priority = first_priority + (random_.next() >> 2);
  return fiber.priority;
}

void TieOrder::insert(FiberQueue& runnable, Fiber& fiber) {
  switch (policy_.kind) {
    case Kind::in_order: return runnable.push(fiber);
    case Kind::random: return runnable.insert(fiber, random_.below(runnable.size() + 1));
    case Kind::pct: break;
  }
  const std::uint64_t priority = priority_of(fiber);
  std::size_t before = 0;
  for (Fiber* other = runnable.first(); other != nullptr && priority_of(*other) >= priority; other = other->next)
    ++before;
  runnable.insert(fiber, before);
}

std::uint64_t TieOrder::place_of_timer(Fiber* fiber) {
  switch (policy_.kind) {
    case Kind::in_order: return ++last_sequence_;
    case Kind::random: return random_.next() >> 1;
    case Kind::pct: break;
  }
  constexpr std::uint64_t last = UINT64_MAX >> 1;
  return fiber == nullptr ? random_.next() >> 1 : last - priority_of(*fiber);
}

bool TieOrder::falls_behind(Fiber& fiber, const FiberQueue& others) {
  ++step_;
  bool fell = false;
  while (!change_points_.empty() && *change_points_.begin() <= step_) {
    change_points_.erase(change_points_.begin());
    fiber.priority = 1 + change_points_.size();
    fell = true;
  }
  return fell && others.first() != nullptr;
}

}  // namespace deimos::testkit

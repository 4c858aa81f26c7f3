// A task as a fiber, and the group it belongs to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <deimos/runtime.h>
#include <deimos/testkit/timer.h>

#include "fibers/fiber_context.h"
#include "fibers/fiber_stack.h"

namespace deimos::testkit {

class Fiber;
class Scheduler;
class WaitTarget;

/// Fibers in the order in which they are to run: a list through Fiber::next.
class FiberQueue {
 public:
  [[nodiscard]] Fiber* first() const noexcept { return first_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void push(Fiber& fiber) noexcept;
  /// After `before` others, of which there must be as many.
  void insert(Fiber& fiber, std::size_t before) noexcept;
  Fiber* pop() noexcept;
  void remove(Fiber& fiber) noexcept;
  void append(FiberQueue& other) noexcept;

 private:
  Fiber* first_ = nullptr;
  Fiber* last_ = nullptr;
  std::size_t size_ = 0;
};

class TaskGroup {
 public:
  explicit TaskGroup(std::string group_name) : name(std::move(group_name)) {}

  std::string name;
  bool paused = false;
  FiberQueue held_back;  // Could run, but the group is paused.
  bool killed = false;
  TimePoint killed_now = {};
};

/// The timer is that of its wait.
class Fiber final : public Timer {
 public:
  enum class State { runnable, running, parked, ended };

  Fiber(Scheduler& its_scheduler, TaskGroup& its_group, TaskId its_id, std::string its_name, bool is_foreground)
      : scheduler(its_scheduler), group(its_group), id(its_id), name(std::move(its_name)), foreground(is_foreground) {}

  void fire() override;

  Scheduler& scheduler;
  TaskGroup& group;
  const TaskId id;
  const std::string name;
  bool foreground;

  State state = State::runnable;
  Fiber* next = nullptr;
  FiberContext context;
  std::optional<FiberStack> stack;  // None: the driver, or ended.
  std::function<void(std::stop_token)> body;
  std::function<void()> last;
  bool abandoned = false;  // Its first stack; on the second it only does what comes last.
  std::stop_source stop;
  std::vector<Fiber*> joining;

  const WaitTarget* waits_for = nullptr;
  TimePoint waits_since = {};
  TimePoint waits_until = {};
  bool woken = false;
  unsigned waits_after_kill = 0;
  std::uint64_t priority = 0;  // Of SchedulingPolicy::Kind::pct; 0: not drawn yet.
};

inline void FiberQueue::push(Fiber& fiber) noexcept {
  fiber.next = nullptr;
  (first_ == nullptr ? first_ : last_->next) = &fiber;
  last_ = &fiber;
  ++size_;
}

inline void FiberQueue::insert(Fiber& fiber, std::size_t before) noexcept {
  if (before == size_) return push(fiber);
  Fiber** place = &first_;
  for (; before > 0; --before) place = &(*place)->next;
  fiber.next = *place;
  *place = &fiber;
  ++size_;
}

inline Fiber* FiberQueue::pop() noexcept {
  Fiber* const fiber = first_;
  if (fiber == nullptr) return nullptr;
  first_ = fiber->next;
  --size_;
  return fiber;
}

inline void FiberQueue::remove(Fiber& fiber) noexcept {
  FiberQueue rest;
  while (Fiber* const other = pop()) {
    if (other != &fiber) rest.push(*other);
  }
  *this = rest;
}

inline void FiberQueue::append(FiberQueue& other) noexcept {
  while (Fiber* const fiber = other.pop()) push(*fiber);
}

}  // namespace deimos::testkit

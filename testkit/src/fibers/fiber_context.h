// Switching between stacks within one OS thread.
#pragma once

#include <cstddef>

#include "fibers/fiber_stack.h"

namespace deimos::testkit {

/// Where a stack is left and taken up again, with what belongs to the stack but lives elsewhere: the exceptions that
/// are being thrown and handled on it, and what the sanitizers know about it.
///
/// Boost.Context changes the registers only. Two stacks that switch inside their catch blocks would rethrow each
/// other's exceptions, so the exception state moves with the stack here. (Boost does so itself from 1.88 on, in
/// boost::context::fiber; not in the jump_fcontext used here.)
class FiberContext {
 public:
  /// The stack that runs now; it becomes a place to come back to by the first switch away from it.
  FiberContext() noexcept = default;
  /// Must not be running.
  ~FiberContext();
  FiberContext(const FiberContext&) = delete;
  FiberContext& operator=(const FiberContext&) = delete;

  /// Lays out `stack` so that the first switch to it calls `entry(argument)`. `entry` must end with finish() and let no
  /// exception out. `stack` must outlive its use.
  void prepare(const FiberStack& stack, void (*entry)(void*), void* argument) noexcept;

  /// Leaves the running stack, *this, and goes on with `to`; returns when another switches back.
  void switch_to(FiberContext& to) noexcept;
  /// Leaves the running stack, *this, for good. It may be prepared again.
  [[noreturn]] void finish(FiberContext& to) noexcept;

 private:
  struct ExceptionState {
    void* caught = nullptr;
    unsigned int uncaught = 0;
  };

  void before_leaving(FiberContext& to, bool for_good) noexcept;
  void after_arriving(FiberContext& from) noexcept;

  struct Landing;

  void* position_ = nullptr;
  FiberContext* destination_ = nullptr;  // Of the switch that is under way.
  ExceptionState exceptions_;
  void (*entry_)(void*) = nullptr;
  void* argument_ = nullptr;
  bool own_stack_ = false;  // Else the thread's, or that of whoever runs the scheduler.
  const void* bottom_ = nullptr;
  std::size_t size_ = 0;
  void* fake_stack_ = nullptr;
  [[maybe_unused]] void* thread_ = nullptr;  // As ThreadSanitizer knows it.
};

}  // namespace deimos::testkit

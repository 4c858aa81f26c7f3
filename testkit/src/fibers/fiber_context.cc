#include "fibers/fiber_context.h"

#include <cxxabi.h>

#include <cstdlib>
#include <cstring>

#include <boost/context/detail/fcontext.hpp>

#include "fibers/sanitizers.h"

namespace deimos::testkit {
namespace {
namespace context = boost::context::detail;
}

/// Where a prepared stack begins.
struct FiberContext::Landing {
  DEIMOS_SWITCHES_STACKS static void land(context::transfer_t transfer) {
    auto& from = *static_cast<FiberContext*>(transfer.data);
    FiberContext& self = *from.destination_;
    from.position_ = transfer.fctx;
    self.after_arriving(from);
    self.entry_(self.argument_);
    std::abort();  // finish() is the only way out.
  }
};

FiberContext::~FiberContext() {  // NOLINT(modernize-use-equals-default): not so under ThreadSanitizer
#ifdef DEIMOS_TSAN
  if (own_stack_ && thread_ != nullptr) __tsan_destroy_fiber(thread_);
#endif
}

void FiberContext::prepare(const FiberStack& stack, void (*entry)(void*), void* argument) noexcept {
  entry_ = entry;
  argument_ = argument;
  exceptions_ = {};
  fake_stack_ = nullptr;
  own_stack_ = true;
  bottom_ = stack.bottom();
  size_ = stack.size();
  position_ = context::make_fcontext(stack.top(), stack.size(), &Landing::land);
#ifdef DEIMOS_TSAN
  if (thread_ != nullptr) __tsan_destroy_fiber(thread_);
  thread_ = __tsan_create_fiber(0);
#endif
}

DEIMOS_SWITCHES_STACKS void FiberContext::before_leaving(FiberContext& to, [[maybe_unused]] bool for_good) noexcept {
  destination_ = &to;
  auto* const globals = reinterpret_cast<ExceptionState*>(abi::__cxa_get_globals());
  exceptions_ = *globals;
  *globals = to.exceptions_;
#ifdef DEIMOS_ASAN
  __sanitizer_start_switch_fiber(for_good ? nullptr : &fake_stack_, to.bottom_, to.size_);
#endif
#ifdef DEIMOS_TSAN
  if (!own_stack_) thread_ = __tsan_get_current_fiber();
#endif
}

DEIMOS_SWITCHES_STACKS void FiberContext::after_arriving([[maybe_unused]] FiberContext& from) noexcept {
#ifdef DEIMOS_ASAN
  const void* bottom = nullptr;
  std::size_t size = 0;
  __sanitizer_finish_switch_fiber(fake_stack_, &bottom, &size);
  if (!from.own_stack_) {
    from.bottom_ = bottom;
    from.size_ = size;
  }
#endif
}

DEIMOS_SWITCHES_STACKS void FiberContext::switch_to(FiberContext& to) noexcept {
  before_leaving(to, false);
#ifdef DEIMOS_TSAN
  __tsan_switch_to_fiber(to.thread_, 0);
#endif
  const context::transfer_t transfer = context::jump_fcontext(to.position_, this);
  auto& from = *static_cast<FiberContext*>(transfer.data);
  from.position_ = transfer.fctx;
  after_arriving(from);
}

DEIMOS_SWITCHES_STACKS void FiberContext::finish(FiberContext& to) noexcept {
  before_leaving(to, true);
#ifdef DEIMOS_TSAN
  __tsan_switch_to_fiber(to.thread_, 0);
#endif
  context::jump_fcontext(to.position_, this);
  std::abort();
}

}  // namespace deimos::testkit

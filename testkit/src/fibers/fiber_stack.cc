#include "fibers/fiber_stack.h"

#include <utility>

#include <boost/context/protected_fixedsize_stack.hpp>

#include "fibers/sanitizers.h"

namespace deimos::testkit {
namespace {

using Allocator = boost::context::protected_fixedsize_stack;

std::size_t guard_size() noexcept { return Allocator::traits_type::page_size(); }

}  // namespace

FiberStack::FiberStack(std::size_t size) {
  // The allocator counts the page that guards the stack as part of it.
  const boost::context::stack_context context = Allocator(size + guard_size()).allocate();
  top_ = static_cast<std::byte*>(context.sp);
  size_ = context.size - guard_size();
}

FiberStack::FiberStack(FiberStack&& other) noexcept : top_(std::exchange(other.top_, nullptr)), size_(other.size_) {}

FiberStack& FiberStack::operator=(FiberStack&& other) noexcept {
  std::swap(top_, other.top_);
  std::swap(size_, other.size_);
  return *this;
}

FiberStack::~FiberStack() {
  if (top_ == nullptr) return;
  // The shadow outlives the mapping: whatever is mapped here next must not inherit it.
  unpoison(bottom(), size());
  boost::context::stack_context context;
  context.sp = top_;
  context.size = size_ + guard_size();
  Allocator().deallocate(context);
}

FiberStack FiberStackPool::take() {
  if (idle_.empty()) return FiberStack(stack_size_);
  FiberStack stack = std::move(idle_.back());
  idle_.pop_back();
  return stack;
}

void FiberStackPool::give_back(FiberStack stack) {
  // The last frames of a fiber never return, so they leave their red zones behind.
  unpoison(stack.bottom(), stack.size());
  idle_.push_back(std::move(stack));
}

}  // namespace deimos::testkit

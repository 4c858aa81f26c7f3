#include "fibers/fiber_stack.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>
#include <utility>

#include "fibers/sanitizers.h"

namespace deimos::testkit {

FiberStack::FiberStack(std::size_t size) : guard_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {
  mapped_ = (size + guard_ - 1) / guard_ * guard_ + guard_;
  void* memory = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  if (::mprotect(memory, guard_, PROT_NONE) != 0) {
    ::munmap(memory, mapped_);
    throw std::bad_alloc();
  }
  mapping_ = static_cast<std::byte*>(memory);
}

FiberStack::FiberStack(FiberStack&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)), mapped_(other.mapped_), guard_(other.guard_) {}

FiberStack& FiberStack::operator=(FiberStack&& other) noexcept {
  std::swap(mapping_, other.mapping_);
  std::swap(mapped_, other.mapped_);
  std::swap(guard_, other.guard_);
  return *this;
}

FiberStack::~FiberStack() {
  if (mapping_ == nullptr) return;
  // The shadow outlives the mapping: whatever is mapped here next must not inherit it.
  unpoison(bottom(), size());
  ::munmap(mapping_, mapped_);
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

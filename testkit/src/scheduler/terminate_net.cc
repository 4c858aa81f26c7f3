#include "scheduler/terminate_net.h"

#include <cstddef>
#include <exception>
#include <utility>

#include <deimos/internal/assert.h>
#include <deimos/internal/local_mutex.h>

namespace deimos::testkit {
namespace {

/// The handler belongs to the process, the nets to their threads.
struct Handler {
  internal::LocalMutex mutex;
  std::size_t nets DEIMOS_GUARDED_BY(mutex) = 0;
  std::terminate_handler before DEIMOS_GUARDED_BY(mutex) = nullptr;
};

Handler& handler() {
  static Handler one;
  return one;
}

thread_local const std::function<void()>* caught_in_thread = nullptr;

void on_terminate() {
  if (caught_in_thread != nullptr) (*caught_in_thread)();
  std::terminate_handler before = nullptr;
  {
    const internal::LocalMutexLock lock(handler().mutex);
    before = handler().before;
  }
  before();
}

}  // namespace

TerminateNet::TerminateNet(std::function<void()> caught) : caught_(std::move(caught)) {
  DEIMOS_ASSERT(caught_in_thread == nullptr, "a thread runs one killed task at a time");
  caught_in_thread = &caught_;
  const internal::LocalMutexLock lock(handler().mutex);
  if (handler().nets++ == 0) handler().before = std::set_terminate(&on_terminate);
}

TerminateNet::~TerminateNet() {
  caught_in_thread = nullptr;
  const internal::LocalMutexLock lock(handler().mutex);
  if (--handler().nets == 0) std::set_terminate(handler().before);
}

}  // namespace deimos::testkit

// Catches a std::terminate() of this thread, which is what an exception in a noexcept function comes to.
#pragma once

#include <functional>

namespace deimos::testkit {

/// While one lives, std::terminate() in its thread calls `caught`, which must not return; in other threads what was to
/// be called before. The process's handler is as before once none is left. One at a time in a thread.
class TerminateNet {
 public:
  explicit TerminateNet(std::function<void()> caught);
  ~TerminateNet();
  TerminateNet(const TerminateNet&) = delete;
  TerminateNet& operator=(const TerminateNet&) = delete;

 private:
  const std::function<void()> caught_;
};

}  // namespace deimos::testkit

#include <deimos/fake/clock_driver.h>

#include <algorithm>
#include <chrono>

namespace deimos::fake {
namespace {

/// Longer than this nothing is relied on: a request may bring something forward, and the wall clock may be set.
constexpr std::chrono::milliseconds longest_wait{5};

}  // namespace

ClockDriver::ClockDriver(Node& node) : node_(node), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void ClockDriver::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const Instant now = node_.now();
    const Instant due = node_.next_due();
    if (due <= now) {
      node_.run_due();
      continue;
    }
    wake_.wait_for(lock, stop, std::min<std::chrono::nanoseconds>(due - now, longest_wait), [] { return false; });
  }
}

}  // namespace deimos::fake

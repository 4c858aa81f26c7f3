#include <deimos/fake/clock.h>

namespace deimos::fake {

Instant SystemClock::now() const noexcept {
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

}  // namespace deimos::fake

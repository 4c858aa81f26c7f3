// Asking the holder of a lock to let go of it. Plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <deimos/runtime.h>

namespace deimos {

/// What is asked of whoever holds a lock.
struct ReleaseDemand {
  /// For the holder: at most 1000 bytes of printable text.
  std::string reason = {};
  /// How long the holder has for it, 1 s to 10 years; counts from when the store learns of it, in whole seconds.
  Duration within = std::chrono::seconds(30);
};

/// What the holder hears.
struct ReleaseRequest {
  std::string reason;
  TimePoint by;          ///< On this process' own clock, exact to a second or so.
  std::uint64_t id = 0;  ///< Grows from one request to the next.
};

}  // namespace deimos

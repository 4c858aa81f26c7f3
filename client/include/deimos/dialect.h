// Which store a client talks to.
#pragma once

#include <cstdint>

namespace deimos {

/// Calls, watches and locks are the same with each.
enum class Dialect : std::uint8_t {
  deimos,
  /// The v2 API of an etcd: 2.x, or 3.0 to 3.5 with `--enable-v2` (until 3.3 without it too).
  etcd2,
};

}  // namespace deimos

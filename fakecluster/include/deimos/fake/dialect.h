// Which store a fake is taken for.
#pragma once

#include <cstdint>

namespace deimos::fake {

/// The cluster behind it is the same: log, leader, faults, rules, time.
enum class Dialect : std::uint8_t {
  deimos,
  etcd2,  ///< The v2 API of an etcd 3.4 with `--enable-v2`; README.md has how it differs from a real one.
  etcd3,  ///< The JSON gateway of the v3 API of an etcd 3.4; likewise.
};

}  // namespace deimos::fake

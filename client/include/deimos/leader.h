// Who leads an election. A plain value.
#pragma once

#include <cstdint>
#include <string>

namespace deimos {

/// Who leads, as the store says.
struct Leader {
  std::string owner;                ///< LockOptions::owner of its manager.
  std::string message;              ///< What it has to say.
  std::uint64_t fencing_token = 0;  ///< Grows with every leader.

  friend bool operator==(const Leader&, const Leader&) = default;
};

}  // namespace deimos

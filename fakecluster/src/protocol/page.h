// The resources that a node has beside the keys.
#pragma once

#include <cstdint>

namespace deimos::fake {

enum class Page : std::uint8_t {
  machines,  ///< Every member's client URL, as text.
  version,
  health,  ///< Whether the node can have something committed.
  members,
  leading_member,
  unknown_member,
  own_statistics,
  leader_statistics,  ///< Of the leader only.
  store_statistics,
};

}  // namespace deimos::fake

// How a cluster's nodes are told apart.
#pragma once

#include <cstdint>

namespace deimos::fake {

/// From 1 to the number of nodes; 0 is none, or all.
using NodeId = std::uint32_t;

/// So many nodes a cluster can have.
inline constexpr NodeId most_nodes = 99;

}  // namespace deimos::fake

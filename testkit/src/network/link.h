// The state of the network between one process and one node.
#pragma once

#include <deimos/testkit/link_options.h>

#include "network/simulated_node.h"

namespace deimos::testkit {

struct Link {
  const SimulatedNode* node = nullptr;
  LinkOptions options;
  bool requests_cut = false;
  bool answers_cut = false;
  bool outside = false;  ///< Of the network: see SimulatedNetwork::add_process_outside().

  [[nodiscard]] bool refuses() const noexcept { return node->refuses && !outside; }
};

}  // namespace deimos::testkit

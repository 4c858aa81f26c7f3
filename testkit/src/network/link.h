// The state of the network between one process and one node.
#pragma once

#include <deimos/testkit/network.h>

#include "network/simulated_node.h"

namespace deimos::testkit {

struct Link {
  const SimulatedNode* node = nullptr;
  LinkOptions options;
  bool requests_cut = false;
  bool answers_cut = false;
};

}  // namespace deimos::testkit

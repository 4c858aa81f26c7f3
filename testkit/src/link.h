// The state of the network between one process and one node.
#pragma once

#include <deimos/testkit/network.h>

namespace deimos::testkit {

class SimulatedNode;

struct Link {
  SimulatedNode* node = nullptr;
  LinkOptions options;
  bool requests_cut = false;
  bool answers_cut = false;
};

}  // namespace deimos::testkit

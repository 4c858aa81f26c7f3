// A node as the simulated network sees it.
#pragma once

#include <string>

#include <deimos/fake/node_id.h>

namespace deimos::testkit {

struct SimulatedNode {
  fake::NodeId id = 0;
  std::string url;
  std::string name;
  bool refuses = false;
};

}  // namespace deimos::testkit

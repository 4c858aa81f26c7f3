// What is done to processes, told to a test at the instant at which it is done.
//
// A test that keeps a model of its processes ("who is writing?") has to know when one of them stops for a reason that
// its own code cannot tell: one that crashed never says that it has stopped, and one that is paused takes no step, so
// it does no harm, whatever it believes, until its next step.
#pragma once

#include <functional>
#include <string>

#include <deimos/runtime.h>

namespace deimos::testkit {

struct ProcessEvent {
  std::string process;
  int life = 1;         ///< Of a restart: the new one.
  Duration at = {};     ///< True time since the start.
  Duration until = {};  ///< Of a pause: when it ends, if nothing makes it longer.
};

using ProcessHook = std::function<void(const ProcessEvent&)>;

}  // namespace deimos::testkit

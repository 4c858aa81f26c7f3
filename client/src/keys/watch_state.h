// What a Watch keeps private.
#pragma once

#include <stop_token>

#include <deimos/watch.h>

#include "keys/watch_loop.h"

namespace deimos {

struct Watch::State {
  WatchLoop loop;
  std::stop_token stop;
};

}  // namespace deimos

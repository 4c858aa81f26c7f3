// What the handles of one client hold.
#pragma once

#include <memory>

#include <deimos/client.h>

#include "calls/caller.h"

namespace deimos {

struct Client::State {
  explicit State(std::shared_ptr<Caller> shared) : caller(std::move(shared)) {}
  ~State() {
    if (!caller->runtime().is_of_this_process()) return;
    caller->close();
    caller->stop_health_check();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::shared_ptr<Caller> caller;
  std::unique_ptr<Task> membership;  ///< Keeps the caller alive, not this.
};

}  // namespace deimos

// Which goes first of what could go on at the same instant: tasks that begin or are woken, timers that are due.
#pragma once

#include <cstdint>

namespace deimos::testkit {

struct SchedulingPolicy {
  enum class Kind {
    in_order,  ///< In order of waking and arming.
    random,    ///< By chance, anew each time.
    /// Probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010): each task has a priority of its own, drawn
    /// when it begins, and the highest goes first; at `depth - 1` steps of the run, the task that is about to go on
    /// falls below all others. A bug that needs `depth` events in a certain order, of n tasks in k steps, is found with
    /// a probability of at least 1 / (n * k^(depth - 1)), however unlikely that order is at random.
    pct,
  };
  Kind kind = Kind::in_order;
  std::uint64_t seed = 1;      ///< The same seed, the same order. A Simulation puts its own here.
  int depth = 3;               ///< Of pct: from 1 to 100.
  std::uint64_t steps = 2000;  ///< Of pct: about how many steps (Scheduler::steps()) a run has.
};

}  // namespace deimos::testkit

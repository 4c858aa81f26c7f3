// In what kind of runs mutants are looked for.
#pragma once

#include <cstdint>

#include "locks/lock_run.h"

namespace deimos::testkit::mutants {

enum class Weather {
  rough,      ///< Anything that LockOptions allow for.
  forced,     ///< The same, and leases that are ended by force.
  swift,      ///< Nothing that could excuse a long wait: no crash, no late request; leases are long, patience is short.
  lossy,      ///< The same, and writes whose answers are lost.
  forgetful,  ///< The same, and servers that forget watches all the time; waiters look rarely.
  wiped,      ///< Servers whose history is cleared all the time, and nothing else; waiters look rarely.
  wiped_fast,  ///< The same; locks go from hand to hand faster than messages travel.
  crowded,     ///< No faults at all: locks go from hand to hand faster than messages travel.
  brisk,       ///< The same, slower; leases are renewed all the time.
  herd,        ///< The same, with many processes.
  hiccups,     ///< Every third renewal fails, which excuses no loss.
  slow,        ///< Every message takes long.
  tardy,       ///< The same, and processes are cut off for longer than a lease.
  crawling,    ///< Very long, and leases are hardly longer than that.
  deadly,      ///< Processes crash, one after the other.
  unswept,     ///< Processes crash, and leases that are over stay.
  cut,         ///< Processes are cut off for longer than a lease.
  frozen,      ///< Processes stand still for longer than a lease.
  skewed,      ///< Nodes' clocks are apart by as much as is allowed; processes are cut off.
  drifting,    ///< Processes' clocks are slow by as much as is allowed; processes are cut off.
  astray,      ///< Processes' clocks are off by minutes.
  careless,    ///< What was released is released again.
};

/// A run of that kind.
[[nodiscard]] LockRun run_in(Weather weather, std::uint64_t seed);

}  // namespace deimos::testkit::mutants

// One run for the lock tests: a program of lock calls under a plan of faults; then a phase without faults, in which all
// programs must come to their end and leave nothing behind, and everybody must get every lock once more; and what all
// checkers say of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <deimos/fake/audit.h>
#include <deimos/fake/cluster.h>
#include <deimos/testkit/checkers.h>
#include <deimos/testkit/fault_plan.h>
#include <deimos/testkit/local_clock.h>
#include <deimos/testkit/lock_client.h>
#include <deimos/testkit/lock_history.h>
#include <deimos/testkit/lock_program.h>

namespace deimos::testkit {

struct LockRun {
  std::uint64_t seed = 1;
  int nodes = 3;
  LinkOptions links = {};
  SchedulingPolicy policy = {.kind = SchedulingPolicy::Kind::random};
  fake::ClusterOptions cluster = {};  ///< As SimulationOptions::cluster.
  LockProgram program;
  FaultPlan plan;
  LockOptions locks = {};
  std::vector<ClockOptions> clocks = {};  ///< Of the processes; may be fewer.
  /// Makes the lock client of a process. Empty: the real one.
  std::function<std::unique_ptr<LockClient>(Process&, const LockOptions&)> client = {};
  /// The longest that a lock may stay free though somebody waits, and that anything may be left, once the faults are
  /// over. Zero: as long as a lease may last that nobody knows of.
  Duration patience = {};
  /// Most requests while the faults last.
  double requests_per_call = 30;
  double requests_per_second = 20;
  bool keeps = false;     ///< Nothing that the plan does may cost anybody a lock: see Check::kept.
  bool forced = false;    ///< Leases are ended by force: two may believe in one until the first has noticed.
  bool in_order = false;  ///< The client's locks are fair: see Check::order.
};

/// What a run is held against; a bit each.
enum Check : unsigned {
  exclusion = 1,   ///< ME: believed-held intervals, holders are not refused, nobody outlives its lease.
  tokens = 2,      ///< FT: fencing tokens grow.
  losses = 4,      ///< LN
  owners = 8,      ///< OWN
  clean = 16,      ///< CL
  alive = 32,      ///< LV
  budget = 64,     ///< RQ; once all leases are over, nobody sends anything until there is something to do.
  in_time = 128,   ///< DL
  nesting = 256,   ///< Re-entry against the model.
  finished = 512,  ///< No deadlock, no exception.
  kept = 1024,     ///< Nothing was lost, if LockRun::keeps.
  order = 2048,    ///< FF: granted in the order of the queue, if LockRun::in_order.
  everything = 4095,
};

struct LockRunResult {
  struct Finding {
    Check check;
    std::string what;
    Duration at;  ///< When it showed.
  };
  LockHistory history;
  std::vector<fake::AuditRecord> audit;
  std::vector<Finding> findings;
  std::map<std::string, std::uint64_t> acted;  ///< Requests on which rules acted, by action.
  std::map<int, std::uint64_t> failed;         ///< Calls of the store that failed, by code.
  std::uint64_t elections = 0;
  std::uint64_t hash = 0;
  std::uint64_t steps = 0;

  [[nodiscard]] bool found(unsigned checks) const;
  /// All findings among `checks`; empty if there are none.
  [[nodiscard]] std::string report(unsigned checks = everything) const;
};

[[nodiscard]] LockRunResult run_locks(const LockRun& run);

/// For people: seed, program, plan and findings; and, from the same run again, what the cluster was like when the first
/// of them showed, and what was sent and answered before it.
[[nodiscard]] std::string describe(const LockRun& run, const LockRunResult& result, unsigned checks = everything);

}  // namespace deimos::testkit

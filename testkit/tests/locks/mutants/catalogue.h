// Every mutant: which hazard it is, who had it, how its client is made, and which property must find it in what runs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "locks/lock_run.h"
#include "mutants/flaw.h"
#include "mutants/weather.h"

namespace deimos::testkit::mutants {

/// What is broken.
enum class Ground {
  store,   ///< The real client over a store whose steps are broken.
  client,  ///< A client of its own (BreakableLocks).
  queue,   ///< A fair client of its own (QueueLocks).
};

struct Mutant {
  std::string id;      ///< `A1`: the hazard.
  std::string name;    ///< `ForeignDelete`
  std::string broken;  ///< What is broken, in a few words.
  std::string as_in;   ///< Who had it.
  Ground ground = Ground::client;
  Flaws flaws = {};
  Weather weather = Weather::rough;
  Check found_by = exclusion;
};

[[nodiscard]] const std::vector<Mutant>& catalogue();

using MakeClient = std::function<std::unique_ptr<LockClient>(Process&, const LockOptions&)>;
/// The mutant's client.
[[nodiscard]] MakeClient client_of(Ground ground, Flaws flaws);
/// The run in which the mutant is looked for with `seed`; with the mutant as its client, or the real client.
[[nodiscard]] LockRun run_of(const Mutant& mutant, std::uint64_t seed);
[[nodiscard]] LockRun run_of_the_real_client(const Mutant& mutant, std::uint64_t seed);

}  // namespace deimos::testkit::mutants

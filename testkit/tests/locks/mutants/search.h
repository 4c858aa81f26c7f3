// Looks for a mutant seed by seed, and makes the run small that finds it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mutants/catalogue.h"

namespace deimos::testkit::mutants {

/// Seeds one after the other.
struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t count = 1000;
};

/// How a mutant was found.
struct Found {
  std::uint64_t seed = 0;  ///< The first that finds it.
  std::uint64_t runs = 0;  ///< Up to that.
  std::size_t faults = 0;  ///< What is left of the run after shrinking: episodes of the plan,
  std::size_t steps = 0;   ///< steps of the program.
  std::string what;        ///< The finding.
};

/// `ME`, `LV`, …: how the table of hazards calls the property.
[[nodiscard]] std::string oracle_of(Check check);

/// The first of the seeds that finds it; nothing if none does.
[[nodiscard]] std::optional<Found> find(const Mutant& mutant, const Seeds& seeds,
                                        const SchedulingPolicy& policy = LockRun().policy);
/// What the real client does wrong in those runs; empty if nothing.
[[nodiscard]] std::string wrong_with_the_real_client(const Mutant& mutant, const Seeds& seeds,
                                                     const SchedulingPolicy& policy = LockRun().policy);
/// Shrinks the run that found it; the figures of `found` are set.
void make_small(const Mutant& mutant, Found& found, const SchedulingPolicy& policy = LockRun().policy);

}  // namespace deimos::testkit::mutants

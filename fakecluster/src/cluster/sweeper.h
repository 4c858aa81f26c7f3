// When a leader looks for keys that have expired.
#pragma once

#include <cstdint>

#include <deimos/fake/clock.h>
#include <deimos/internal/random_stream.h>

#include "cluster/cluster_context.h"
#include "cluster/consensus.h"
#include "cluster/replicas.h"

namespace deimos::fake {

/// Sweeps are on a grid of ClusterOptions::sweep_interval that begins where the cluster did. Not thread-safe: guarded
/// by the cluster's mutex.
class Sweeper {
 public:
  Sweeper(ClusterContext& context, Consensus& consensus, Replicas& replicas, std::uint64_t seed);

  /// The first point of the grid at which the leader finds something to expire.
  [[nodiscard]] Instant next() const;
  /// Proposes the sweep that is due, unless it is missed.
  void sweep();
  /// No sweep before `from`.
  void skip_until(Instant from) noexcept { sweeps_from_ = from; }

 private:
  ClusterContext& context_;
  Consensus& consensus_;
  Replicas& replicas_;
  const Instant start_;
  Instant last_;  // Also a missed one.
  Instant sweeps_from_{};
  internal::RandomStream random_;
};

}  // namespace deimos::fake

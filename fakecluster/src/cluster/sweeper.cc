#include "cluster/sweeper.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace deimos::fake {

Sweeper::Sweeper(ClusterContext& context, Consensus& consensus, Replicas& replicas, std::uint64_t seed)
    : context_(context),
      consensus_(consensus),
      replicas_(replicas),
      start_(context.now()),
      last_(start_),
      random_(seed, "sweep") {}

Instant Sweeper::next() const {
  if (!consensus_.can_commit()) return Instant::max();
  const NodeId leader = consensus_.leader();
  const Instant expiration = replicas_.next_expiration(leader);
  if (expiration == Instant::max()) return expiration;
  const Instant from = std::max({consensus_.member(leader).clock.first_true_time(expiration), sweeps_from_,
                                 last_ + std::chrono::nanoseconds(1), start_});
  const auto interval = context_.options.sweep_interval;
  const auto intervals = (from - start_ - std::chrono::nanoseconds(1)) / interval + 1;
  return intervals > (Instant::max() - start_) / interval ? Instant::max() : start_ + intervals * interval;
}

void Sweeper::sweep() {
  last_ = context_.now();
  if (random_.chance(context_.options.missed_sweeps)) return;
  const NodeId leader = consensus_.leader();
  for (Proposal& proposal : replicas_.expirations(leader, consensus_.member(leader).clock.at(last_))) {
    consensus_.propose(leader, std::move(proposal));
  }
}

}  // namespace deimos::fake

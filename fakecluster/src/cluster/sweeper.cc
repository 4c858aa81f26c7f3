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
  const Instant expiration = replicas_[leader].store.next_expiration();
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
  Proposal proposal;
  proposal.accepted_by = consensus_.leader();
  proposal.accepted_at = last_;
  proposal.command.emplace();
  proposal.command->kind = Command::Kind::sweep;
  proposal.command->sweep_until = consensus_.member(proposal.accepted_by).clock.at(last_);
  consensus_.propose(proposal.accepted_by, std::move(proposal));
}

}  // namespace deimos::fake

// G2: unlocks of a hold that was lost count for the owner's next one.
#pragma once

#include "plain_locks.h"

namespace deimos::testkit::mutants {

struct CountSurvivesLoss final : PlainLocks {
  using PlainLocks::PlainLocks;
  [[nodiscard]] std::shared_ptr<Acquisition> counted(const Owner& owner,
                                                     const std::shared_ptr<Acquisition>& own) const override {
    const auto known = current_.find(owner);
    return known == current_.end() ? own : known->second;
  }
};

}  // namespace deimos::testkit::mutants

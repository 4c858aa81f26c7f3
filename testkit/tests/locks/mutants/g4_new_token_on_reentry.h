// G4: re-entry draws a token of its own.
#pragma once

#include "plain_locks.h"

namespace deimos::testkit::mutants {

struct NewTokenOnReentry final : PlainLocks {
  using PlainLocks::PlainLocks;
  [[nodiscard]] std::uint64_t token_of(const Acquisition& acquisition) const override {
    return acquisition.fencing_token + static_cast<std::uint64_t>(acquisition.holds - 1);
  }
};

}  // namespace deimos::testkit::mutants

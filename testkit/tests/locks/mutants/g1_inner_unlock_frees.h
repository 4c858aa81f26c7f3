// G1: every unlock frees the lock, also that of an inner hold.
#pragma once

#include "plain_locks.h"

namespace deimos::testkit::mutants {

struct InnerUnlockFrees final : PlainLocks {
  using PlainLocks::PlainLocks;
  [[nodiscard]] bool frees(const Acquisition& /*acquisition*/) const override { return true; }
};

}  // namespace deimos::testkit::mutants

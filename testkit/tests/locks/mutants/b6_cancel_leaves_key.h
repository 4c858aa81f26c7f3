// B6 (and B4): an acquire that was given up leaves its create to itself.
#pragma once

#include "plain_locks.h"

namespace deimos::testkit::mutants {

struct CancelLeavesKey final : PlainLocks {
  using PlainLocks::PlainLocks;
  [[nodiscard]] bool cleans_up() const override { return false; }
};

}  // namespace deimos::testkit::mutants

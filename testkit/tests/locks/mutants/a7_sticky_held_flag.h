// A7: what was held once is held for ever: the next acquire of its owner asks nobody.
#pragma once

#include "plain_locks.h"

namespace deimos::testkit::mutants {

struct StickyHeldFlag final : PlainLocks {
  using PlainLocks::PlainLocks;
  [[nodiscard]] bool may_reenter(const Acquisition& acquisition) const override { return !acquisition.is_released; }
};

}  // namespace deimos::testkit::mutants

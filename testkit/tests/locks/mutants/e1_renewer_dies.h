// E1: the first renewal that fails is the last, and nobody is told.
#pragma once

#include "plain_locks.h"

namespace deimos::testkit::mutants {

struct RenewerDies final : PlainLocks {
  using PlainLocks::PlainLocks;
  [[nodiscard]] bool goes_on_renewing_after(const Error& /*failure*/) const override { return false; }
  [[nodiscard]] bool believes(const Acquisition& acquisition) const override {
    return !acquisition.is_lost && !acquisition.is_released;
  }
};

}  // namespace deimos::testkit::mutants

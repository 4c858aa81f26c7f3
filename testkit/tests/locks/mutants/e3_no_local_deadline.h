// E3: a lock is lost only when the server says so.
#pragma once

#include "plain_locks.h"

namespace deimos::testkit::mutants {

struct NoLocalDeadline final : PlainLocks {
  using PlainLocks::PlainLocks;
  [[nodiscard]] bool gives_up_at_deadline() const override { return false; }
  [[nodiscard]] bool believes(const Acquisition& acquisition) const override {
    return !acquisition.is_lost && !acquisition.is_released;
  }
};

}  // namespace deimos::testkit::mutants

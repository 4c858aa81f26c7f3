// D3: the lease counts from the answer, not from the request.
#pragma once

#include "plain_locks.h"

namespace deimos::testkit::mutants {

struct DeadlineFromAnswer final : PlainLocks {
  using PlainLocks::PlainLocks;
  [[nodiscard]] TimePoint deadline_from(TimePoint /*sent*/, TimePoint answered) const override {
    return PlainLocks::deadline_from(answered, answered);
  }
};

}  // namespace deimos::testkit::mutants

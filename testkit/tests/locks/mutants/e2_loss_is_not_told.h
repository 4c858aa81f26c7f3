// E2: a loss is known to the client, and nobody else hears of it.
#pragma once

#include "plain_locks.h"

namespace deimos::testkit::mutants {

struct LossIsNotTold final : PlainLocks {
  using PlainLocks::PlainLocks;
  void tell(Acquisition& /*acquisition*/, const Error& /*why*/) const override {}
};

}  // namespace deimos::testkit::mutants

// E16: two parts of the client find out about a loss, and each tells of it.
#pragma once

#include "plain_locks.h"

namespace deimos::testkit::mutants {

struct LossIsToldTwice final : PlainLocks {
  using PlainLocks::PlainLocks;
  void tell(Acquisition& acquisition, const Error& why) const override {
    PlainLocks::tell(acquisition, why);
    PlainLocks::tell(acquisition, why);
  }
};

}  // namespace deimos::testkit::mutants

// C10: a waiter asks once and waits for ever, though the server may have forgotten its watch.
#pragma once

#include "passing_backend.h"

namespace deimos::testkit::mutants {

struct TrustsItsWatch final : PassingBackend {
  using PassingBackend::PassingBackend;
  Result<std::optional<Change>> wait_for_change(const std::string& key, std::uint64_t from_revision,
                                                const Deadline& until) override {
    return right_.wait_for_change(key, from_revision, {TimePoint::max(), until.stop});
  }
};

}  // namespace deimos::testkit::mutants

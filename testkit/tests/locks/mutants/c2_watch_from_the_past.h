// C2: a waiter watches from an index that is too old, is told at once of what it knows, and asks again.
#pragma once

#include "passing_backend.h"

namespace deimos::testkit::mutants {

struct WatchFromThePast final : PassingBackend {
  using PassingBackend::PassingBackend;
  Result<std::optional<Change>> wait_for_change(const std::string& key, std::uint64_t from_revision,
                                                const Deadline& until) override {
    return right_.wait_for_change(key, from_revision > 10 ? from_revision - 10 : 1, until);
  }
};

}  // namespace deimos::testkit::mutants

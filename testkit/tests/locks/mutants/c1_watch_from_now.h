// C1: a waiter watches from now on, and misses a release between its try and its watch.
#pragma once

#include "passing_backend.h"

namespace deimos::testkit::mutants {

struct WatchFromNow final : PassingBackend {
  using PassingBackend::PassingBackend;
  Result<std::optional<Change>> wait_for_change(const std::string& key, std::uint64_t /*from_revision*/,
                                                const Deadline& until) override {
    return right_.wait_for_change(key, 0, until);
  }
};

}  // namespace deimos::testkit::mutants

// E6: a renewal that finds the key gone makes it again.
#pragma once

#include "passing_backend.h"

namespace deimos::testkit::mutants {

struct RenewalResurrects final : PassingBackend {
  using PassingBackend::PassingBackend;
  Result<Granted> renew(const std::string& key, const std::string& token, std::uint64_t revision,
                        std::chrono::seconds ttl, const Deadline& until) override {
    auto renewed = right_.renew(key, token, revision, ttl, until);
    if (renewed || renewed.error().code != errc::lock_not_held) return renewed;
    const auto again = right_.acquire(key, token, ttl, until);
    if (again && std::holds_alternative<Granted>(*again)) return std::get<Granted>(*again);
    return renewed;
  }
};

}  // namespace deimos::testkit::mutants

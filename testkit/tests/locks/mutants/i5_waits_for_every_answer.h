// I5: a request is waited for until it is answered, whatever deadline its caller has.
#pragma once

#include "passing_backend.h"

namespace deimos::testkit::mutants {

struct WaitsForEveryAnswer final : PassingBackend {
  using PassingBackend::PassingBackend;
  Result<std::variant<Granted, Refused>> acquire(const std::string& key, const std::string& token,
                                                 std::chrono::seconds ttl, const Deadline& until) override {
    return right_.acquire(key, token, ttl, {TimePoint::max(), until.stop});
  }
};

}  // namespace deimos::testkit::mutants

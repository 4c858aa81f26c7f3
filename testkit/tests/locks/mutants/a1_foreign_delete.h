// A1: unlock is a plain DELETE, whoever has the lock by now.
#pragma once

#include "passing_backend.h"

namespace deimos::testkit::mutants {

struct ForeignDelete final : PassingBackend {
  using PassingBackend::PassingBackend;
  Result<void> release(const std::string& key, const std::string& /*token*/, const Deadline& until) override {
    const Result<Answer> answer = client_.remove(key, {.timeout = left(until)}, until.stop);
    if (answer) return {};
    if (answer.error().code == errc::key_not_found) return fail(errc::lock_not_held, "gone");
    return tl::unexpected<Error>(answer.error());
  }
};

}  // namespace deimos::testkit::mutants

// A12: unlock reads, compares by itself, and deletes in a second step.
#pragma once

#include "passing_backend.h"

namespace deimos::testkit::mutants {

struct CheckThenDelete final : PassingBackend {
  using PassingBackend::PassingBackend;
  Result<void> release(const std::string& key, const std::string& token, const Deadline& until) override {
    const Result<Inspection> seen = right_.inspect(key, until);
    if (!seen) return tl::unexpected<Error>(seen.error());
    if (!seen->record || seen->record->token != token) return fail(errc::lock_not_held, "another's");
    const Result<Answer> answer = client_.remove(key, {.timeout = left(until)}, until.stop);
    if (answer) return {};
    if (answer.error().code == errc::key_not_found) return fail(errc::lock_not_held, "gone");
    return tl::unexpected<Error>(answer.error());
  }
};

}  // namespace deimos::testkit::mutants

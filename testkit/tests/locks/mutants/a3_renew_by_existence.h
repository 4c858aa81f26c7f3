// A3: a renewal asks only that the key exists, and so overwrites its next owner.
#pragma once

#include "passing_backend.h"

namespace deimos::testkit::mutants {

struct RenewByExistence final : PassingBackend {
  using PassingBackend::PassingBackend;
  Result<Granted> renew(const std::string& key, const std::string& token, std::uint64_t /*revision*/,
                        std::chrono::seconds ttl, const Deadline& until) override {
    const Result<Answer> answer = client_.update(key, token, {.ttl = ttl, .timeout = left(until)}, until.stop);
    if (answer) return Granted{answer->node.modified_index};
    if (answer.error().code == errc::key_not_found) return fail(errc::lock_not_held, "gone");
    return tl::unexpected<Error>(answer.error());
  }
};

}  // namespace deimos::testkit::mutants

// D13: a renewal leaves out the TTL, and so makes the lock permanent.
#pragma once

#include "passing_backend.h"

namespace deimos::testkit::mutants {

struct RenewalDropsTtl final : PassingBackend {
  using PassingBackend::PassingBackend;
  Result<Granted> renew(const std::string& key, const std::string& token, std::uint64_t /*revision*/,
                        std::chrono::seconds /*ttl*/, const Deadline& until) override {
    const Result<Answer> answer =
        client_.compare_and_swap(key, token, {.value = token}, {.timeout = left(until)}, until.stop);
    if (answer) return Granted{answer->node.modified_index};
    if (answer.error().code == errc::compare_failed || answer.error().code == errc::key_not_found) {
      return fail(errc::lock_not_held, "gone");
    }
    return tl::unexpected<Error>(answer.error());
  }
};

}  // namespace deimos::testkit::mutants

// B1: a create without an answer counts as not done, so that its client waits for itself.
#pragma once

#include <map>
#include <string>

#include "passing_backend.h"

namespace deimos::testkit::mutants {

struct UnclearCreateIsFailure final : PassingBackend {
  using PassingBackend::PassingBackend;
  Result<std::variant<Granted, Refused>> acquire(const std::string& key, const std::string& token,
                                                 std::chrono::seconds ttl, const Deadline& until) override {
    // Retried by a higher layer with a value of its own, as clients do that make one for each attempt.
    auto answer = right_.acquire(key, token + "-" + std::to_string(++attempts_), ttl, until);
    if (!answer && answer.error().code == condition::outcome_unknown) return fail(errc::unavailable, "no answer");
    if (answer && std::holds_alternative<Granted>(*answer)) values_[token] = token + "-" + std::to_string(attempts_);
    return answer;
  }
  Result<Granted> renew(const std::string& key, const std::string& token, std::uint64_t revision,
                        std::chrono::seconds ttl, const Deadline& until) override {
    return right_.renew(key, value_of(token), revision, ttl, until);
  }
  Result<void> release(const std::string& key, const std::string& token, const Deadline& until) override {
    return right_.release(key, value_of(token), until);
  }

 private:
  std::string value_of(const std::string& token) { return values_.contains(token) ? values_[token] : token; }
  std::map<std::string, std::string> values_;
  int attempts_ = 0;
};

}  // namespace deimos::testkit::mutants

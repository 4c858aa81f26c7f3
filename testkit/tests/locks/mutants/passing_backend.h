// A DeimosBackend for mutants that break a single step of the store's to override.
#pragma once

#include <algorithm>
#include <string>

#include <deimos/deimos_backend.h>
#include <deimos/lock_backend.h>

namespace deimos::testkit::mutants {

class PassingBackend : public LockBackend {
 public:
  explicit PassingBackend(const Client& client) : client_(client), right_(client) {}

  Result<std::variant<Granted, Refused>> acquire(const std::string& key, const std::string& token,
                                                 std::chrono::seconds ttl, const Deadline& until) override {
    return right_.acquire(key, token, ttl, until);
  }
  Result<Granted> take_over(const LockRecord& expired, const std::string& token, std::chrono::seconds ttl,
                            const Deadline& until) override {
    return right_.take_over(expired, token, ttl, until);
  }
  Result<Granted> renew(const std::string& key, const std::string& token, std::uint64_t revision,
                        std::chrono::seconds ttl, const Deadline& until) override {
    return right_.renew(key, token, revision, ttl, until);
  }
  Result<void> release(const std::string& key, const std::string& token, const Deadline& until) override {
    return right_.release(key, token, until);
  }
  Result<void> force_release(const LockRecord& shown, const Deadline& until) override {
    return right_.force_release(shown, until);
  }
  Result<std::optional<Change>> wait_for_change(const std::string& key, std::uint64_t from_revision,
                                                const Deadline& until) override {
    return right_.wait_for_change(key, from_revision, until);
  }
  Result<Inspection> inspect(const std::string& key, const Deadline& until) override {
    return right_.inspect(key, until);
  }
  Result<Listing> list(const std::string& prefix, const Deadline& until) override { return right_.list(prefix, until); }

 protected:
  [[nodiscard]] Duration left(const Deadline& until) const {
    if (until.at == TimePoint::max()) return Duration::max();
    return std::max(until.at - client_.runtime()->now(), Duration::zero());
  }
  Client client_;
  DeimosBackend right_;
};

}  // namespace deimos::testkit::mutants

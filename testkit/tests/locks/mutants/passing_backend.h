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
                                                 std::chrono::seconds ttl, const Limits& limits) override {
    return right_.acquire(key, token, ttl, limits);
  }
  Result<Granted> take_over(const LockRecord& expired, const std::string& token, std::chrono::seconds ttl,
                            const Limits& limits) override {
    return right_.take_over(expired, token, ttl, limits);
  }
  Result<Granted> renew(const std::string& key, const std::string& token, std::uint64_t revision,
                        std::chrono::seconds ttl, const Limits& limits) override {
    return right_.renew(key, token, revision, ttl, limits);
  }
  Result<void> release(const std::string& key, const std::string& token, const Limits& limits) override {
    return right_.release(key, token, limits);
  }
  Result<void> force_release(const LockRecord& shown, const Limits& limits) override {
    return right_.force_release(shown, limits);
  }
  Result<std::optional<Change>> wait_for_change(const std::string& key, std::uint64_t from_revision,
                                                const Limits& limits) override {
    return right_.wait_for_change(key, from_revision, limits);
  }
  Result<Inspection> inspect(const std::string& key, const Limits& limits) override {
    return right_.inspect(key, limits);
  }
  Result<std::vector<LockRecord>> list(const std::string& prefix, const Limits& limits) override {
    return right_.list(prefix, limits);
  }

 protected:
  [[nodiscard]] Duration left(const Limits& limits) const {
    if (limits.deadline == TimePoint::max()) return Duration::max();
    return std::max(limits.deadline - client_.runtime()->now(), Duration::zero());
  }
  Client client_;
  DeimosBackend right_;
};

}  // namespace deimos::testkit::mutants

// A DeimosBackend whose single steps can be broken: the ground of mutants that use the store wrongly.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <deimos/deimos_backend.h>
#include <deimos/lock_backend.h>

#include "mutants/flaw.h"

namespace deimos::testkit::mutants {

class BreakableStore final : public LockBackend {
 public:
  BreakableStore(Client client, Flaws flaws) : flaws_(flaws), client_(client), right_(std::move(client)) {}

  Result<std::variant<Granted, Refused>> acquire(const std::string& key, const std::string& token,
                                                 std::chrono::seconds ttl, const Deadline& until) override;
  Result<Granted> take_over(const LockRecord& expired, const std::string& token, std::chrono::seconds ttl,
                            const Deadline& until) override;
  Result<Granted> renew(const std::string& key, const std::string& token, std::uint64_t revision,
                        std::chrono::seconds ttl, const Deadline& until) override;
  Result<void> release(const std::string& key, const std::string& token, const Deadline& until) override;
  Result<void> force_release(const LockRecord& shown, const Deadline& until) override {
    return right_.force_release(shown, until);
  }
  Result<std::optional<Change>> wait_for_change(const std::string& key, std::uint64_t from_revision,
                                                const Deadline& until) override;
  Result<Inspection> inspect(const std::string& key, const Deadline& until) override;
  Result<Listing> list(const std::string& prefix, const Deadline& until) override { return right_.list(prefix, until); }

  /// Writes without asking for anything: what several broken clients do when they believe it is their turn.
  Result<Granted> overwrite(const std::string& key, const std::string& token, std::chrono::seconds ttl,
                            const Deadline& until);
  /// Deletes without asking for anything.
  Result<void> remove(const std::string& key, const Deadline& until);

 private:
  [[nodiscard]] bool has(Flaw flaw) const { return flaws_[flaw]; }
  [[nodiscard]] Duration left(const Deadline& until) const;
  [[nodiscard]] WriteOptions write(std::chrono::seconds ttl, const Deadline& until) const {
    return {.ttl = ttl, .timeout = left(until)};
  }
  Result<std::variant<Granted, Refused>> look_then_set(const std::string& key, const std::string& token,
                                                       std::chrono::seconds ttl, const Deadline& until);
  Result<std::variant<Granted, Refused>> misunderstood(Result<std::variant<Granted, Refused>> answer,
                                                       const std::string& key, const std::string& token,
                                                       std::chrono::seconds ttl, const Deadline& until);
  Result<Granted> renew_wrongly(const std::string& key, const std::string& token, std::chrono::seconds ttl,
                                const Deadline& until);
  Result<std::optional<Change>> wait_after_cleared_history(Result<std::optional<Change>> cleared,
                                                           const std::string& key, std::uint64_t from_revision,
                                                           const Deadline& until);
  void leave_a_watch(const std::string& key);

  const Flaws flaws_;
  Client client_;
  DeimosBackend right_;
  std::vector<std::unique_ptr<Task>> left_watches_;
};

}  // namespace deimos::testkit::mutants

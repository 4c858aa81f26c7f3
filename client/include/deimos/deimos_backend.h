// Locks in a Deimos store: a lock is a file whose value is its holder's token, as the store's other clients have it, so
// that they and this library exclude one another.
#pragma once

#include <deimos/client.h>
#include <deimos/internal/export.h>
#include <deimos/lock_backend.h>

namespace deimos {

/// Thread-safe. Keeps the client's connections alive for as long as it lives itself.
class DEIMOS_EXPORT DeimosBackend final : public LockBackend {
 public:
  explicit DeimosBackend(Client client) noexcept;

  [[nodiscard]] Result<std::variant<Granted, Refused>> acquire(const std::string& key, const std::string& token,
                                                               std::chrono::seconds ttl,
                                                               const Deadline& until) override;
  [[nodiscard]] Result<Granted> take_over(const LockRecord& expired, const std::string& token, std::chrono::seconds ttl,
                                          const Deadline& until) override;
  [[nodiscard]] Result<Granted> renew(const std::string& key, const std::string& token, std::uint64_t revision,
                                      std::chrono::seconds ttl, const Deadline& until) override;
  [[nodiscard]] Result<void> release(const std::string& key, const std::string& token, const Deadline& until) override;
  [[nodiscard]] Result<void> force_release(const LockRecord& shown, const Deadline& until) override;
  [[nodiscard]] Result<std::optional<Change>> wait_for_change(const std::string& key, std::uint64_t from_revision,
                                                              const Deadline& until) override;
  [[nodiscard]] Result<Inspection> inspect(const std::string& key, const Deadline& until) override;
  [[nodiscard]] Result<Listing> list(const std::string& prefix, const Deadline& until) override;
  [[nodiscard]] Result<LockRecord> enqueue(const std::string& queue, const std::string& token, std::chrono::seconds ttl,
                                           const Deadline& until) override;
  [[nodiscard]] Result<Listing> places(const std::string& queue, const Deadline& until) override;
  [[nodiscard]] Result<std::optional<Change>> wait_for_any_change(const std::string& queue, std::uint64_t from_revision,
                                                                  const Deadline& until) override;
  [[nodiscard]] Result<void> set_permanent(const std::string& key, const std::string& text,
                                           const std::optional<LockRecord>& shown, const Deadline& until) override;

 private:
  [[nodiscard]] Result<std::optional<Change>> wait_for_event(const std::string& key, const WaitOptions& options,
                                                             const std::stop_token& stop) const;
  [[nodiscard]] Duration left(const Deadline& until) const;
  [[nodiscard]] WriteOptions write_options(std::chrono::seconds ttl, const Deadline& until) const;

  Client client_;
};

}  // namespace deimos

// Locks in etcd (3.3 and later), over its JSON gateway, so that nothing but HTTP is needed.
//
//   auto etcd = std::make_shared<deimos::EtcdBackend>(deimos::EtcdOptions{.endpoints = {"http://127.0.0.1:2379"}});
//   deimos::LockManager locks(etcd, etcd->runtime(), {.prefix = "/locks", .ttl = 30s});
//
// A Mutex is a key of its name, whose value is its holder's token. All other kinds are queues in the manner of etcd's
// own clients: places are the keys `NAME/LEASE`, in the order of their creation, so that `etcdctl lock` of the key
// (prefix and name) and a fair Mutex of that name exclude each other, and `etcdctl elect` (with a proposal) and an
// Election do. Fencing tokens are revisions.
//
// Leases: the locks of one backend share a lease for each ttl (in whole seconds). It is kept alive once for all of
// them, by whichever renewal comes first; at the same time it is asked which records are on it, which shows each lock
// that its record is still there. (So Hold::renew() may be answered by a keep-alive for another lock, of up to a tenth
// of the ttl before.) A lease that nobody uses any more runs out, or is revoked when the backend is closed.
//
// etcd removes the records of a lease that is over by itself: LockInfo::ttl and expires are not told, and nothing is
// taken over. LockOptions::max_clock_skew may be small, since one clock, the leader's, counts each lease.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <deimos/client_options.h>
#include <deimos/internal/export.h>
#include <deimos/lock_backend.h>

namespace deimos {

struct EtcdOptions {
  /// `http://HOST:PORT` or `https://HOST:PORT` of etcd's client addresses (`--listen-client-urls`). At least one; those
  /// that fail are left out until they are back.
  std::vector<std::string> endpoints = {};
  /// Exchanged for a token, which is renewed when the store does not take it any more.
  std::optional<Credentials> credentials = {};
  TlsOptions tls = {};
  /// The longest that a step takes for which the caller sets no deadline: closing, for one.
  Duration request_timeout = std::chrono::seconds(5);
  /// A read that is not answered within this is asked of another endpoint.
  Duration attempt_timeout = std::chrono::seconds(3);
  /// Also how long it may take to find out that there is no etcd behind the endpoints.
  Duration connect_timeout = std::chrono::seconds(1);
  std::size_t max_answer_bytes = std::size_t{64} << 20;
  std::shared_ptr<Observer> observer = {};
  std::shared_ptr<Runtime> runtime = {};      ///< None: a ThreadRuntime of the backend's own.
  std::shared_ptr<Transport> transport = {};  ///< None: an HttpTransport of the backend's own.
};

/// Thread-safe. Errors beside those of LockBackend: errc::invalid_argument if etcd refuses the credentials, wants some,
/// or does not let the user at the key; errc::protocol_error if what answers is no etcd, or one without a gateway. Each
/// says what to change.
class DEIMOS_EXPORT EtcdBackend final : public LockBackend {
 public:
  /// Uses no network. Throws std::system_error if the options cannot be used.
  explicit EtcdBackend(EtcdOptions options);
  /// The same without an exception: errc::invalid_argument.
  [[nodiscard]] static Result<std::shared_ptr<EtcdBackend>> make(EtcdOptions options);
  /// As close(). Managers keep their backend alive.
  ~EtcdBackend() override;
  EtcdBackend(const EtcdBackend&) = delete;
  EtcdBackend& operator=(const EtcdBackend&) = delete;

  [[nodiscard]] const std::shared_ptr<Runtime>& runtime() const noexcept;
  /// Revokes the leases, and with them whatever is left on them, within EtcdOptions::request_timeout. Every later call
  /// fails with errc::closed. Idempotent. In a child of fork() it does nothing.
  void close() noexcept;

  [[nodiscard]] Result<std::variant<Granted, Refused>> acquire(const std::string& key, const std::string& token,
                                                               std::chrono::seconds ttl,
                                                               const Deadline& until) override;
  [[nodiscard]] Result<Granted> take_over(const LockRecord& shown, const std::string& token, std::chrono::seconds ttl,
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
  class Impl;
  explicit EtcdBackend(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace deimos

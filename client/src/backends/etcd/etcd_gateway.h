// The calls of etcd's JSON gateway that locks need: one request each, every refusal explained.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <deimos/client_options.h>
#include <deimos/error.h>
#include <deimos/internal/local_mutex.h>
#include <deimos/lock_backend.h>

#include "backends/etcd/etcd_messages.h"
#include "calls/caller.h"

namespace deimos {

/// What one step failed with, as the failure of the step that needed it.
[[nodiscard]] inline tl::unexpected<Error> passed_on(Error error) { return tl::unexpected<Error>(std::move(error)); }

/// Thread-safe. Beside what a Caller fails with: errc::history_cleared (the revision is compacted), key_not_found
/// (there is no such lease), key_already_exists (there is that lease already), invalid_argument (who asks may not),
/// protocol_error (no etcd). Only what the store has certainly not done is none of condition::outcome_unknown.
class EtcdGateway {
 public:
  /// `options` have passed check_options(), and have no credentials in them: those of HTTP mean nothing to etcd.
  EtcdGateway(ClientOptions options, std::optional<Credentials> credentials);
  ~EtcdGateway();
  EtcdGateway(const EtcdGateway&) = delete;
  EtcdGateway& operator=(const EtcdGateway&) = delete;

  [[nodiscard]] Runtime& runtime() const noexcept { return caller_->runtime(); }
  [[nodiscard]] const ClientOptions& options() const noexcept { return caller_->options(); }

  /// `key`: for messages.
  [[nodiscard]] Result<etcd::TxnAnswer> txn(const etcd::Txn& txn, const std::string& key, const Deadline& until);
  /// A lease of that number: the caller's choice, so that asking again makes no second one. False if there was one
  /// already: an earlier request's, whose answer was lost.
  [[nodiscard]] Result<bool> grant(std::int64_t id, std::chrono::seconds ttl, const Deadline& until);
  /// errc::key_not_found if it is over.
  [[nodiscard]] Result<void> keep_alive(std::int64_t id, const Deadline& until);
  /// The keys on that lease, as the leader has them.
  [[nodiscard]] Result<std::vector<std::string>> keys_of(std::int64_t id, const Deadline& until);
  [[nodiscard]] Result<void> revoke(std::int64_t id, const Deadline& until);
  /// Blocks for the first events at `from_revision` or later: of `key`, or of all that begins with it. Nothing: none
  /// came.
  [[nodiscard]] Result<etcd::WatchAnswer> watch(const std::string& key, bool all_below, std::uint64_t from_revision,
                                                const Deadline& until);
  void close() noexcept;

 private:
  struct Ask {
    std::string path;  ///< Behind the version's prefix.
    std::string body;
    Call::Kind kind = Call::Kind::read;
    std::string key = {};
    std::function<bool(std::string_view)> enough = {};
    int max_attempts = 0;
  };
  /// Blocks for the answer's body, whatever prefix and token that takes.
  [[nodiscard]] Result<std::string> ask(const Ask& what, const Deadline& until);
  [[nodiscard]] Result<Answered> send(const Ask& what, const std::string& target, const std::string& token,
                                      const Deadline& until);
  /// `/v3`, `/v3beta` or `/v3alpha`, as the store's version has it.
  [[nodiscard]] Result<std::string> prefix(const Deadline& until);
  /// Empty: none is needed.
  [[nodiscard]] Result<std::string> token(const std::string& prefix, const Deadline& until);
  void forget_token(const std::string& token);
  [[nodiscard]] Duration left(const Deadline& until) const;
  [[nodiscard]] Error refused(const Response& response, const Ask& what) const;
  template <typename T>
  [[nodiscard]] Result<T> understood(etcd::Read<T> read, const Ask& what) const;

  const std::optional<Credentials> credentials_;
  const std::shared_ptr<Caller> caller_;
  internal::LocalMutex mutex_;
  std::string prefix_ DEIMOS_GUARDED_BY(mutex_);  ///< Empty: not known yet.
  std::string token_ DEIMOS_GUARDED_BY(mutex_);
  bool no_token_ DEIMOS_GUARDED_BY(mutex_) = false;  ///< The store has said that it needs none.
};

}  // namespace deimos

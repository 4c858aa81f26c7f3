#include "backends/etcd/etcd_gateway.h"

#include <algorithm>
#include <utility>

#include "backends/etcd/etcd_refusal.h"

namespace deimos {
namespace {

using etcd::Txn;

std::string json_of_lease(std::int64_t id) { return R"({"ID":")" + std::to_string(id) + '"'; }

/// The server does not speak HTTP: asking again cannot help.
bool is_no_http(const Error& error) {
  return error.code == errc::unavailable && error.message.find("HTTP status line") != std::string::npos;
}

}  // namespace

EtcdGateway::EtcdGateway(ClientOptions options, std::optional<Credentials> credentials)
    : credentials_(std::move(credentials)),
      caller_(std::make_shared<Caller>(
          [&] {
            // Who has no leader says so, instead of waiting for one.
            options.headers.push_back({"Grpc-Metadata-Hasleader", "true"});
            return std::move(options);
          }(),
          etcd::manners())) {}

EtcdGateway::~EtcdGateway() {
  if (!runtime().is_of_this_process()) return;
  caller_->close();
  caller_->stop_health_check();
}

void EtcdGateway::close() noexcept { caller_->close(); }

Duration EtcdGateway::left(const Deadline& until) const {
  if (until.at == TimePoint::max()) return Duration::max();
  return std::max(until.at - runtime().now(), Duration::zero());
}

Result<Answered> EtcdGateway::send(const Ask& what, const std::string& target, const std::string& token,
                                   const Deadline& until) {
  Call call;
  call.kind = what.kind;
  call.key = what.key;
  call.timeout = left(until);
  call.wish.avoid = until.avoid_endpoint;
  call.request.method = what.body.empty() ? "GET" : "POST";
  call.request.target = target;
  call.request.body = what.body;
  if (!what.body.empty()) call.request.content_type = "application/json";
  if (!token.empty()) call.request.headers.push_back({"Authorization", token});
  call.request.enough = what.enough;
  call.max_attempts = what.max_attempts;
  return caller_->ask(std::move(call), until.stop);
}

Result<std::string> EtcdGateway::prefix(const Deadline& until) {
  {
    const internal::LocalMutexLock lock(mutex_);
    if (!prefix_.empty()) return prefix_;
  }
  Deadline soon = until;
  soon.at = std::min(until.at, saturating_add(runtime().now(), options().connect_timeout));
  // Each endpoint once: what is no etcd will not become one.
  const Ask what{.path = {}, .body = {}, .max_attempts = static_cast<int>(options().endpoints.size())};
  const Result<Answered> answered = send(what, "/version", {}, soon);
  if (!answered) {
    if (is_no_http(answered.error())) {
      Error error = etcd::no_etcd("it does not speak HTTP");
      error.endpoint = answered.error().endpoint;
      return passed_on(std::move(error));
    }
    return passed_on(answered.error());
  }
  const auto version = etcd::read_version(answered->response.body);
  Result<std::string> found =
      version ? etcd::prefix_for(*version)
              : passed_on(etcd::no_etcd("to /version it says status " + std::to_string(answered->response.status) +
                                        ", and " + version.error()));
  if (!found) {
    found.error().endpoint = answered->endpoint;
    return found;
  }
  const internal::LocalMutexLock lock(mutex_);
  prefix_ = *found;
  return found;
}

Result<std::string> EtcdGateway::token(const std::string& prefix, const Deadline& until) {
  if (!credentials_) return std::string();
  {
    const internal::LocalMutexLock lock(mutex_);
    if (no_token_ || !token_.empty()) return token_;
  }
  const Ask what{.path = "/auth/authenticate",
                 .body = etcd::credentials_json(credentials_->user, credentials_->password)};
  const Result<Answered> answered = send(what, prefix + what.path, {}, until);
  if (!answered) return passed_on(answered.error());
  if (answered->response.status != 200) {
    const bool off =
        etcd::read_refusal(answered->response.body).message.find("authentication is not enabled") != std::string::npos;
    if (!off) return passed_on(refused(answered->response, what));
    const internal::LocalMutexLock lock(mutex_);
    no_token_ = true;
    return std::string();
  }
  Result<std::string> token = understood(etcd::read_token(answered->response.body), what);
  if (!token) return token;
  const internal::LocalMutexLock lock(mutex_);
  token_ = *token;
  return token;
}

void EtcdGateway::forget_token(const std::string& token) {
  const internal::LocalMutexLock lock(mutex_);
  no_token_ = false;
  if (token_ == token) token_.clear();
}

Error EtcdGateway::refused(const Response& response, const Ask& what) const {
  Error error = etcd::error_of_answer(response, credentials_ ? credentials_->user : std::string());
  error.key = what.key;
  error.method = "POST";
  return error;
}

template <typename T>
Result<T> EtcdGateway::understood(etcd::Read<T> read, const Ask& what) const {
  if (read) return std::move(*read);
  Error error =
      fail(errc::protocol_error, "the answer to " + what.path + " is not one of etcd: " + read.error()).value();
  error.key = what.key;
  return passed_on(std::move(error));
}

Result<std::string> EtcdGateway::ask(const Ask& what, const Deadline& until) {
  for (int round = 0;; ++round) {
    const Result<std::string> prefix = this->prefix(until);
    if (!prefix) return passed_on(prefix.error());
    const Result<std::string> token = this->token(*prefix, until);
    if (!token) return passed_on(token.error());
    Result<Answered> answered = send(what, *prefix + what.path, *token, until);
    if (!answered) return passed_on(caller_->report(std::move(answered.error())));
    if (answered->timed_out) return std::string();
    Response& response = answered->response;
    if (response.status == 200) return std::move(response.body);
    const std::string said = etcd::read_refusal(response.body).message;
    if (said.empty() && response.status == 404) {  // The store may have been replaced by one of another version.
      const internal::LocalMutexLock lock(mutex_);
      prefix_.clear();
    }
    // A token is looked at before anything else: nothing was done.
    const bool needs_token = etcd::says_token_is_over(said) || said.find("user name is empty") != std::string::npos;
    if (needs_token && credentials_ && round == 0) {
      forget_token(*token);
      continue;
    }
    Error error = refused(response, what);
    error.endpoint = answered->endpoint;
    error.attempts = answered->attempts;
    return passed_on(caller_->report(std::move(error)));
  }
}

Result<etcd::TxnAnswer> EtcdGateway::txn(const Txn& txn, const std::string& key, const Deadline& until) {
  const Ask what{.path = "/kv/txn",
                 .body = txn.json(),
                 .kind = txn.only_reads() ? Call::Kind::read : Call::Kind::write,
                 .key = key};
  const Result<std::string> body = ask(what, until);
  if (!body) return passed_on(body.error());
  return understood(etcd::read_txn(*body), what);
}

Result<bool> EtcdGateway::grant(std::int64_t id, std::chrono::seconds ttl, const Deadline& until) {
  const Ask what{.path = "/lease/grant",
                 .body = json_of_lease(id) + R"(,"TTL":")" + std::to_string(ttl.count()) + "\"}"};
  const Result<std::string> body = ask(what, until);
  if (!body && body.error().code == errc::key_already_exists) return false;
  if (!body) return passed_on(body.error());
  const auto granted = understood(etcd::read_lease(*body, false), what);
  if (!granted) return passed_on(granted.error());
  if (granted->ttl < ttl.count()) {
    return fail(errc::protocol_error, "etcd granted a lease of " + std::to_string(granted->ttl) + " s, not of " +
                                          std::to_string(ttl.count()) + " s");
  }
  return true;
}

Result<void> EtcdGateway::keep_alive(std::int64_t id, const Deadline& until) {
  const Ask what{.path = "/lease/keepalive", .body = json_of_lease(id) + '}'};
  const Result<std::string> body = ask(what, until);
  if (!body) return passed_on(body.error());
  const auto kept = understood(etcd::read_lease(*body, true), what);
  if (!kept) return passed_on(kept.error());
  if (kept->ttl <= 0) return fail(errc::key_not_found, "the lease is over");
  return {};
}

Result<std::vector<std::string>> EtcdGateway::keys_of(std::int64_t id, const Deadline& until) {
  const Ask what{.path = "/kv/lease/timetolive", .body = json_of_lease(id) + R"(,"keys":true})"};
  const Result<std::string> body = ask(what, until);
  if (!body) return passed_on(body.error());
  auto answer = understood(etcd::read_lease(*body, false), what);
  if (!answer) return passed_on(answer.error());
  return std::move(answer->keys);
}

Result<void> EtcdGateway::revoke(std::int64_t id, const Deadline& until) {
  const Result<std::string> body = ask({.path = "/kv/lease/revoke", .body = json_of_lease(id) + '}'}, until);
  if (!body) return passed_on(body.error());
  return {};
}

Result<etcd::WatchAnswer> EtcdGateway::watch(const std::string& key, bool all_below, std::uint64_t from_revision,
                                             const Deadline& until) {
  const Ask what{.path = "/watch",
                 .body = etcd::watch_json(key, all_below, from_revision),
                 .kind = Call::Kind::poll,
                 .key = key,
                 .enough = [](std::string_view body) {
                   const auto answer = etcd::read_watch(body);
                   return !answer || answer->says_anything();
                 }};
  for (int round = 0;; ++round) {
    const Result<std::string> body = ask(what, until);
    if (!body) return passed_on(body.error());
    auto answer = understood(etcd::read_watch(*body), what);
    if (!answer) return passed_on(answer.error());
    if (answer->compact_revision != 0) {
      return fail(errc::history_cleared,
                  "etcd has compacted its history up to revision " + std::to_string(answer->compact_revision));
    }
    if (answer->problem.empty()) return std::move(*answer);
    if (etcd::says_token_is_over(answer->problem) && credentials_ && round == 0) {
      const internal::LocalMutexLock lock(mutex_);
      token_.clear();
      continue;
    }
    Error error = etcd::error_of_refusal(answer->problem, credentials_ ? credentials_->user : std::string());
    // Whatever ends a stream may pass; but who may not read will not be let in later either.
    if (answer->problem.find("permission denied") == std::string::npos) error.code = errc::unavailable;
    return passed_on(caller_->report(std::move(error)));
  }
}

}  // namespace deimos

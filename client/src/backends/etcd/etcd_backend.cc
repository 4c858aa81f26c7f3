#include <deimos/etcd_backend.h>

#include <algorithm>
#include <atomic>
#include <system_error>
#include <utility>

#include <deimos/thread_runtime.h>

#include "backends/etcd/etcd_gateway.h"
#include "backends/etcd/etcd_leases.h"
#include "backends/etcd/etcd_records.h"
#include "calls/options_check.h"

namespace deimos {
namespace {

using etcd::KeyValue;
using etcd::Txn;
using etcd::TxnAnswer;

tl::unexpected<Error> of_another_process() {
  return fail(errc::closed, "the etcd backend belongs to the process that forked this one");
}

tl::unexpected<Error> not_held() { return fail(errc::lock_not_held, "the lock's record is gone or another's"); }

tl::unexpected<Error> is_directory(const std::string& key) {
  return fail(errc::not_a_file, key + " is a directory: in use for a lock with a queue, or for something else");
}
tl::unexpected<Error> is_file(const std::string& key) {
  return fail(errc::not_a_directory, key + " is a file: in use for a mutex that is not fair, or for something else");
}

bool is_unclear(const Error& error) { return error.code == condition::outcome_unknown; }

tl::unexpected<Error> short_answer() {
  return fail(errc::protocol_error, "the answer to /kv/txn is not one of etcd: it has too few responses");
}

/// What the n-th step found; empty if there is no such step.
const std::vector<KeyValue>& found(const TxnAnswer& answer, std::size_t step) {
  static const std::vector<KeyValue> nothing;
  return step < answer.found.size() ? answer.found[step] : nothing;
}

/// The record is not as it was shown; `now`: what is under its key.
tl::unexpected<Error> changed_since(const std::vector<KeyValue>& now) {
  if (now.empty()) return fail(errc::key_not_found, "the record is gone");
  return fail(errc::compare_failed, "the record has changed since");
}

ClientOptions client_options(EtcdOptions options) {
  ClientOptions client;
  client.endpoints = std::move(options.endpoints);
  client.request_timeout = options.request_timeout;
  client.attempt_timeout = options.attempt_timeout;
  client.connect_timeout = options.connect_timeout;
  client.tls = std::move(options.tls);
  client.max_answer_bytes = options.max_answer_bytes;
  client.observer = std::move(options.observer);
  client.transport = std::move(options.transport);
  client.runtime = std::move(options.runtime);
  return client;
}

}  // namespace

class EtcdBackend::Impl {
 public:
  Impl(ClientOptions options, std::optional<Credentials> credentials)
      : gateway(std::move(options), std::move(credentials)), leases(gateway) {}
  ~Impl() { close(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void close() noexcept {
    if (!gateway.runtime().is_of_this_process() || closed.exchange(true)) return;
    try {
      const Deadline until{saturating_add(gateway.runtime().now(), gateway.options().request_timeout)};
      for (const std::int64_t id : leases.take_all()) (void)gateway.revoke(id, until);
    } catch (...) {  // NOLINT(bugprone-empty-catch): they run out by themselves.
    }
    gateway.close();
  }

  /// False in a child of fork(), where somebody may have held a mutex of this meanwhile.
  [[nodiscard]] bool is_ours() const { return gateway.runtime().is_of_this_process(); }

  /// A record of ours; none if it is about to be removed.
  std::optional<LockRecord> shown(const KeyValue& pair) {
    if (!leases.remnants().seen({pair.key, pair.value})) return std::nullopt;
    LockRecord record = etcd::record_of(pair);
    record.lease_from = leases.runs_from(pair.lease);
    return record;
  }

  std::vector<LockRecord> shown(const std::vector<KeyValue>& pairs) {
    std::vector<LockRecord> records;
    for (const KeyValue& pair : pairs) {
      if (auto record = shown(pair)) records.push_back(std::move(*record));
    }
    std::ranges::sort(records, {}, &LockRecord::created_revision);
    return records;
  }

  /// Puts `key` with `token` on a lease, if `conditions` hold. `key` may depend on the lease.
  template <typename KeyOn>
  Result<std::pair<TxnAnswer, EtcdLease>> create(const Txn& conditions, KeyOn key_on, const std::string& token,
                                                 std::chrono::seconds ttl, const Deadline& until);

  /// The lease that the record is on, read from the store if it is not known. errc::lock_not_held, compare_failed.
  Result<std::int64_t> find_lease(const std::string& key, const std::string& token, std::uint64_t revision,
                                  const Deadline& until);

  Result<std::optional<Change>> wait(const std::string& key, bool all_below, std::uint64_t from_revision,
                                     const Deadline& until) {
    const auto heard = gateway.watch(all_below ? etcd::below(key) : key, all_below, from_revision, until);
    if (!heard) return passed_on(heard.error());
    if (heard->events.empty()) return std::optional<Change>();
    return etcd::change_of(heard->events, key);
  }

  EtcdGateway gateway;
  EtcdLeases leases;
  std::atomic<std::uint64_t> places = 0;
  std::atomic<bool> closed = false;
};

template <typename KeyOn>
Result<std::pair<TxnAnswer, EtcdLease>> EtcdBackend::Impl::create(const Txn& conditions, KeyOn key_on,
                                                                  const std::string& token, std::chrono::seconds ttl,
                                                                  const Deadline& until) {
  for (int round = 0;; ++round) {
    const Result<EtcdLease> lease = leases.for_new_record(ttl, until);
    if (!lease) return passed_on(lease.error());
    const std::string key = key_on(lease->id);
    Txn txn = conditions;
    txn.if_so().then_put(key, token, lease->id);
    const EtcdRemnants::Record record{key, token};
    if (!leases.remnants().begin_write(record)) return fail(errc::unavailable, "an earlier one is being removed");
    Result<TxnAnswer> answer = gateway.txn(txn, key, until);
    if (answer && answer->succeeded) {
      leases.remnants().written(record);
      leases.attach(lease->id, key, token, lease->from);
    } else if (!answer && is_unclear(answer.error())) {
      leases.remnants().left_behind(lease->id, record);
    } else {
      leases.remnants().not_written(record);
    }
    if (answer) return std::pair(std::move(*answer), *lease);
    if (answer.error().code != errc::key_not_found) return passed_on(answer.error());
    leases.forget(lease->id);  // It is over, sooner than it should be: revoked, or the store lost its memory.
    if (round > 0) return fail(errc::unavailable, "etcd does not know the lease that it has just granted");
  }
}

Result<std::int64_t> EtcdBackend::Impl::find_lease(const std::string& key, const std::string& token,
                                                   std::uint64_t revision, const Deadline& until) {
  if (const auto known = leases.lease_of(key, token)) return *known;
  const Result<TxnAnswer> answer = gateway.txn(Txn().then_range(key), key, until);
  if (!answer) return passed_on(answer.error());
  const std::vector<KeyValue>& now = found(*answer, 0);
  if (now.empty() || now.front().value != token || !leases.remnants().seen({key, token})) return not_held();
  if (now.front().mod_revision != revision) return fail(errc::compare_failed, "the record was written since");
  const std::optional<TimePoint> from = leases.runs_from(now.front().lease);
  if (!from) return not_held();  // On none of ours: it cannot be kept.
  leases.attach(now.front().lease, key, token, *from);
  return now.front().lease;
}

EtcdBackend::EtcdBackend(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EtcdBackend::~EtcdBackend() = default;

EtcdBackend::EtcdBackend(EtcdOptions options) {
  Result<std::shared_ptr<EtcdBackend>> made = make(std::move(options));
  if (!made) throw std::system_error(made.error().code, made.error().describe());
  impl_ = std::move((*made)->impl_);
}

Result<std::shared_ptr<EtcdBackend>> EtcdBackend::make(EtcdOptions options) {
  std::optional<Credentials> credentials = std::exchange(options.credentials, std::nullopt);
  Result<ClientOptions> checked = check_options(client_options(std::move(options)));
  if (!checked) return passed_on(checked.error());
  return std::shared_ptr<EtcdBackend>(
      new EtcdBackend(std::make_unique<Impl>(std::move(*checked), std::move(credentials))));
}

const std::shared_ptr<Runtime>& EtcdBackend::runtime() const noexcept { return impl_->gateway.options().runtime; }

void EtcdBackend::close() noexcept { impl_->close(); }

Result<std::variant<Granted, Refused>> EtcdBackend::acquire(const std::string& key, const std::string& token,
                                                            std::chrono::seconds ttl, const Deadline& until) {
  if (!impl_->is_ours()) return of_another_process();
  const std::vector<std::string> above = etcd::directories_above(key);
  Txn txn;
  txn.if_absent(key).if_none_below(etcd::below(key));
  for (const std::string& directory : above) txn.if_absent(directory);
  txn.otherwise().then_range(key).then_any_below(etcd::below(key));
  for (const std::string& directory : above) txn.then_range(directory);
  const auto made = impl_->create(
      txn, [&](std::int64_t) { return key; }, token, ttl, until);
  if (!made) return passed_on(made.error());
  const auto& [answer, lease] = *made;
  if (answer.succeeded) return Granted{answer.revision, lease.from};
  if (answer.found.size() < 2 + above.size()) return short_answer();
  if (!found(answer, 0).empty()) return Refused{answer.revision};
  if (!found(answer, 1).empty()) return is_directory(key);
  for (std::size_t i = 0; i < above.size(); ++i) {
    if (!found(answer, 2 + i).empty()) return is_file(above[i]);
  }
  return short_answer();
}

Result<Granted> EtcdBackend::take_over(const LockRecord& shown, const std::string& token, std::chrono::seconds ttl,
                                       const Deadline& until) {
  if (!impl_->is_ours()) return of_another_process();
  // Not one that was kept alive before: whoever does not hear of this write reckons the lease from it.
  const TimePoint now = impl_->gateway.runtime().now();
  Result<std::int64_t> id = impl_->find_lease(shown.key, shown.token, shown.revision, until);
  if (!id && id.error().code == errc::lock_not_held) {
    const Result<EtcdLease> lease = impl_->leases.for_new_record(ttl, until);
    if (!lease) return passed_on(lease.error());
    id = lease->id;
  }
  if (!id) return passed_on(id.error());
  const Result<EtcdLease> lease = impl_->leases.kept_alive(*id, now, until);
  if (!lease) return passed_on(lease.error());
  const Txn txn = Txn()
                      .if_revision(shown.key, shown.revision)
                      .then_put(shown.key, token, lease->id)
                      .otherwise()
                      .then_range(shown.key);
  const Result<TxnAnswer> answer = impl_->gateway.txn(txn, shown.key, until);
  if (!answer) {
    impl_->leases.detach(shown.key);  // With which text it is now is not known.
    return passed_on(answer.error());
  }
  if (!answer->succeeded) return changed_since(found(*answer, 0));
  impl_->leases.attach(lease->id, shown.key, token, lease->from);
  return Granted{answer->revision, lease->from};
}

Result<Granted> EtcdBackend::renew(const std::string& key, const std::string& token, std::uint64_t revision,
                                   std::chrono::seconds ttl, const Deadline& until) {
  if (!impl_->is_ours()) return of_another_process();
  const Result<std::int64_t> id = impl_->find_lease(key, token, revision, until);
  if (!id) return passed_on(id.error());
  const Result<EtcdLease> lease = impl_->leases.kept_alive(*id, impl_->leases.due_since(key, ttl), until);
  if (!lease) return passed_on(lease.error());
  if (!impl_->leases.was_seen(*id, key)) {
    // Gone, or younger than the keep-alive.
    impl_->leases.detach(key);
    const Result<std::int64_t> still = impl_->find_lease(key, token, revision, until);
    if (!still) return passed_on(still.error());
  }
  impl_->leases.attach(lease->id, key, token, lease->from);
  return Granted{revision, lease->from};
}

Result<void> EtcdBackend::release(const std::string& key, const std::string& token, const Deadline& until) {
  if (!impl_->is_ours()) return of_another_process();
  const Result<TxnAnswer> answer = impl_->gateway.txn(Txn().if_value(key, token).then_remove(key), key, until);
  if (!answer) {
    impl_->leases.doomed(key, token);
    return passed_on(answer.error());
  }
  if (impl_->leases.lease_of(key, token)) impl_->leases.detach(key);
  impl_->leases.remnants().removed({key, token}, answer->succeeded);
  if (!answer->succeeded) return not_held();
  return {};
}

Result<void> EtcdBackend::force_release(const LockRecord& shown, const Deadline& until) {
  if (!impl_->is_ours()) return of_another_process();
  const Txn txn = Txn().if_revision(shown.key, shown.revision).then_remove(shown.key).otherwise().then_range(shown.key);
  const Result<TxnAnswer> answer = impl_->gateway.txn(txn, shown.key, until);
  if (!answer) return passed_on(answer.error());
  if (!answer->succeeded) return changed_since(found(*answer, 0));
  return {};
}

Result<std::optional<Change>> EtcdBackend::wait_for_change(const std::string& key, std::uint64_t from_revision,
                                                           const Deadline& until) {
  if (!impl_->is_ours()) return of_another_process();
  return impl_->wait(key, false, from_revision, until);
}

Result<std::optional<Change>> EtcdBackend::wait_for_any_change(const std::string& queue, std::uint64_t from_revision,
                                                               const Deadline& until) {
  if (!impl_->is_ours()) return of_another_process();
  return impl_->wait(queue, true, from_revision, until);
}

Result<Inspection> EtcdBackend::inspect(const std::string& key, const Deadline& until) {
  if (!impl_->is_ours()) return of_another_process();
  const Result<TxnAnswer> answer =
      impl_->gateway.txn(Txn().then_range(key).then_any_below(etcd::below(key)), key, until);
  if (!answer) return passed_on(answer.error());
  if (answer->found.size() < 2) return short_answer();
  if (!found(*answer, 0).empty()) return Inspection{impl_->shown(found(*answer, 0).front()), answer->revision};
  if (!found(*answer, 1).empty()) return is_directory(key);
  return Inspection{std::nullopt, answer->revision};
}

Result<Listing> EtcdBackend::list(const std::string& prefix, const Deadline& until) {
  if (!impl_->is_ours()) return of_another_process();
  const Result<TxnAnswer> answer = impl_->gateway.txn(Txn().then_list(etcd::below(prefix)), prefix, until);
  if (!answer) return passed_on(answer.error());
  if (answer->found.empty()) return short_answer();
  return Listing{impl_->shown(found(*answer, 0)), answer->revision};
}

Result<LockRecord> EtcdBackend::enqueue(const std::string& queue, const std::string& token, std::chrono::seconds ttl,
                                        const Deadline& until) {
  if (!impl_->is_ours()) return of_another_process();
  std::vector<std::string> files = etcd::directories_above(queue);
  files.push_back(queue);
  const std::uint64_t number = ++impl_->places;
  Txn txn;
  for (const std::string& file : files) txn.if_absent(file);
  txn.otherwise();
  for (const std::string& file : files) txn.then_range(file);
  std::string key;
  const auto made = impl_->create(
      txn,
      [&](std::int64_t lease) {
        key = etcd::place_key(queue, lease, number);
        return key;
      },
      token, ttl, until);
  if (!made) return passed_on(made.error());
  const auto& [answer, lease] = *made;
  if (!answer.succeeded) {
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (!found(answer, i).empty()) return is_file(files[i]);
    }
    return short_answer();
  }
  LockRecord record;
  record.key = key;
  record.token = token;
  record.created_revision = record.revision = answer.revision;
  record.lease_from = lease.from;
  return record;
}

Result<Listing> EtcdBackend::places(const std::string& queue, const Deadline& until) {
  if (!impl_->is_ours()) return of_another_process();
  const Txn txn = Txn().then_range(queue).then_list(etcd::below(queue));
  Result<TxnAnswer> answer = impl_->gateway.txn(txn, queue, until);
  if (!answer) return passed_on(answer.error());
  if (answer->found.size() < 2) return short_answer();
  if (!found(*answer, 0).empty()) return is_file(queue);
  std::erase_if(answer->found[1], [&](const KeyValue& pair) { return !etcd::is_child(pair.key, queue); });
  return Listing{impl_->shown(found(*answer, 1)), answer->revision};
}

Result<void> EtcdBackend::set_permanent(const std::string& key, const std::string& text,
                                        const std::optional<LockRecord>& shown, const Deadline& until) {
  if (!impl_->is_ours()) return of_another_process();
  Txn txn;
  if (shown) {
    txn.if_revision(key, shown->revision);
  } else {
    txn.if_absent(key);
  }
  txn.then_put(key, text, 0).otherwise().then_range(key);
  const Result<TxnAnswer> answer = impl_->gateway.txn(txn, key, until);
  if (!answer) return passed_on(answer.error());
  if (answer->succeeded) return {};
  if (!shown) return fail(errc::key_already_exists, "somebody else has written it");
  return changed_since(found(*answer, 0));
}

}  // namespace deimos

#include "versions/transaction.h"

#include <compare>
#include <memory>
#include <utility>

namespace deimos::fake::versions {
namespace {

const std::vector<Operation>& branch(const TxnRequest& txn, bool succeeded) {
  return succeeded ? txn.success : txn.failure;
}

std::int64_t number_of(const KeyValue& pair, Attribute target) {
  switch (target) {
    case Attribute::version: return pair.version;
    case Attribute::create_revision: return pair.create_revision;
    case Attribute::mod_revision: return pair.mod_revision;
    case Attribute::lease: return pair.lease;
    default: return 0;
  }
}

bool compares_so(const KeyValue& pair, const Compare& compare) {
  const std::strong_ordering order = compare.target == Attribute::value
                                         ? pair.value <=> compare.value
                                         : number_of(pair, compare.target) <=> compare.number;
  switch (compare.result) {
    case Compare::Result::equal: return std::is_eq(order);
    case Compare::Result::not_equal: return std::is_neq(order);
    case Compare::Result::greater: return std::is_gt(order);
    case Compare::Result::less: return std::is_lt(order);
    case Compare::Result::any: break;
  }
  return true;
}

}  // namespace

bool Transaction::holds(const VersionStore& store, const Compare& compare) {
  const auto [first, end] = store.keys_in(compare.range);
  bool any = false;
  for (auto key = first; key != end; ++key) {
    const auto* const version = VersionStore::version_at(key->second, store.revision_);
    if (version == nullptr) continue;
    any = true;
    if (!compares_so(VersionStore::pair_of(key->first, *version), compare)) return false;
  }
  return any || (compare.target != Attribute::value && compares_so({}, compare));
}

void Transaction::choose(const VersionStore& store, const TxnRequest& txn, Branches& branches) {
  bool succeeded = true;
  for (const Compare& compare : txn.compares) succeeded = succeeded && holds(store, compare);
  branches.push_back(succeeded);
  for (const Operation& operation : branch(txn, succeeded)) {
    if (const auto* nested = std::get_if<std::shared_ptr<const TxnRequest>>(&operation)) {
      choose(store, **nested, branches);
    }
  }
}

std::optional<Refusal> Transaction::check(const VersionStore& store, const PutRequest& request) {
  const bool needs_key = request.ignore_value || request.ignore_lease;
  if (needs_key && !store.at(request.key, store.revision_)) return Refusal::key_not_found;
  if (request.lease != 0 && !store.leases_.contains(request.lease)) return Refusal::lease_not_found;
  return std::nullopt;
}

std::optional<Refusal> Transaction::check(const VersionStore& store, const RangeRequest& request) {
  if (request.revision == 0) return std::nullopt;
  if (request.revision > store.revision_) return Refusal::future_revision;
  if (request.revision < store.compacted_) return Refusal::compacted;
  return std::nullopt;
}

/// Of `branches`, those from `next` on are of this transaction.
template <typename Request>
std::optional<Refusal> Transaction::check_each(const VersionStore& store, const TxnRequest& txn,
                                               const Branches& branches, std::size_t& next) {
  for (const Operation& operation : branch(txn, branches[next++])) {
    std::optional<Refusal> refusal;
    if (const auto* request = std::get_if<Request>(&operation)) refusal = check(store, *request);
    if (const auto* nested = std::get_if<std::shared_ptr<const TxnRequest>>(&operation)) {
      refusal = check_each<Request>(store, **nested, branches, next);
    }
    if (refusal) return refusal;
  }
  return std::nullopt;
}

/// Whether nothing that will be done is refused. All puts are looked at first, as etcd does.
std::optional<Refusal> Transaction::check(const VersionStore& store, const TxnRequest& txn, const Branches& branches) {
  std::size_t next = 0;
  if (const auto refusal = check_each<PutRequest>(store, txn, branches, next)) return refusal;
  next = 0;
  return check_each<RangeRequest>(store, txn, branches, next);
}

tl::expected<ChangeAnswer, Refusal> Transaction::apply(VersionStore& store, const Change& change, const Told& told) {
  if (const auto* request = std::get_if<CompactionRequest>(&change)) return store.compact(*request);
  const bool adds = !std::holds_alternative<DeleteRequest>(change) && !std::holds_alternative<RevokeRequest>(change);
  if (adds && store.bytes_ + size_of(change) > store.quota_) return tl::unexpected(Refusal::no_space);
  if (const auto* request = std::get_if<GrantRequest>(&change)) return store.grant(*request);
  Transaction transaction(store);
  const auto* const revocation = std::get_if<RevokeRequest>(&change);
  auto answer = revocation != nullptr ? transaction.revoke(*revocation) : transaction.run(change);
  if (answer) transaction.end(told);
  return answer;
}

tl::expected<ChangeAnswer, Refusal> Transaction::revoke(const RevokeRequest& request) {
  const auto lease = store_.leases_.extract(request.id);
  if (lease.empty()) return tl::unexpected(Refusal::lease_not_found);
  for (const std::string& key : lease.mapped().keys) remove({.range = {.key = key}});
  return RevokeAnswer{latest()};
}

tl::expected<ChangeAnswer, Refusal> Transaction::run(const Change& change) {
  if (const auto* request = std::get_if<DeleteRequest>(&change)) return remove(*request);
  if (const auto* request = std::get_if<PutRequest>(&change)) {
    // In this order: etcd looks for the lease first.
    if (request->lease != 0 && !store_.leases_.contains(request->lease)) {
      return tl::unexpected(Refusal::lease_not_found);
    }
    if (const auto refusal = check(store_, *request)) return tl::unexpected(*refusal);
    return put(*request);
  }
  const auto& request = std::get<TxnRequest>(change);
  Branches branches;
  choose(store_, request, branches);
  if (const auto refusal = check(store_, request, branches)) return tl::unexpected(*refusal);
  std::size_t next = 0;
  TxnAnswer answer = txn(request, branches, next);
  answer.revision = latest();
  return answer;
}

void Transaction::end(const Told& told) {
  if (events_.empty()) return;
  ++store_.revision_;
  told(events_);
}

void Transaction::add(const std::string& key, VersionStore::Version version) {
  version.revision = store_.revision_ + 1;
  version.place = static_cast<std::int64_t>(events_.size());
  if (version.version == 1) version.created = version.revision;
  events_.push_back({VersionStore::pair_of(key, version)});
  store_.add(key, std::move(version));
}

PutAnswer Transaction::put(const PutRequest& request) {
  std::optional<KeyValue> before = store_.at(request.key, latest());
  VersionStore::Version version{.version = 1, .lease = request.lease, .value = request.value};
  if (before) {
    version.created = before->create_revision;
    version.version = before->version + 1;
    if (request.ignore_value) version.value = before->value;
    if (request.ignore_lease) version.lease = before->lease;
  }
  add(request.key, std::move(version));
  PutAnswer answer{latest()};
  if (request.prev_kv) answer.previous = std::move(before);
  return answer;
}

DeleteAnswer Transaction::remove(const DeleteRequest& request) {
  DeleteAnswer answer;
  const auto [first, end] = store_.keys_in(request.range);
  std::vector<KeyValue> gone;
  for (auto key = first; key != end; ++key) {
    if (key->second.back().version != 0) gone.push_back(VersionStore::pair_of(key->first, key->second.back()));
  }
  for (const KeyValue& pair : gone) add(pair.key, {});
  answer.revision = latest();
  answer.deleted = static_cast<std::int64_t>(gone.size());
  if (request.prev_kv) answer.previous = std::move(gone);
  return answer;
}

TxnAnswer Transaction::txn(const TxnRequest& txn, const Branches& branches, std::size_t& next) {
  TxnAnswer answer{.succeeded = branches[next++]};
  for (const Operation& operation : branch(txn, answer.succeeded)) {
    if (const auto* range = std::get_if<RangeRequest>(&operation)) {
      answer.operations.emplace_back(store_.range_as_of(*range, latest()).value_or(RangeAnswer{}));
    } else if (const auto* put = std::get_if<PutRequest>(&operation)) {
      answer.operations.emplace_back(this->put(*put));
    } else if (const auto* removal = std::get_if<DeleteRequest>(&operation)) {
      answer.operations.emplace_back(remove(*removal));
    } else if (const auto* nested = std::get_if<std::shared_ptr<const TxnRequest>>(&operation)) {
      answer.operations.emplace_back(std::make_shared<const TxnAnswer>(this->txn(**nested, branches, next)));
    }
  }
  return answer;
}

tl::expected<TxnAnswer, Refusal> Transaction::read(const VersionStore& store, const TxnRequest& txn) {
  Branches branches;
  choose(store, txn, branches);
  if (const auto refusal = check(store, txn, branches)) return tl::unexpected(*refusal);
  TxnAnswer answer{.revision = store.revision_, .succeeded = branches.front()};
  for (const Operation& operation : branch(txn, answer.succeeded)) {
    answer.operations.emplace_back(store.range(std::get<RangeRequest>(operation)).value_or(RangeAnswer{}));
  }
  return answer;
}

}  // namespace deimos::fake::versions

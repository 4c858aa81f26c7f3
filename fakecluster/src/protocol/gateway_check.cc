#include "protocol/gateway_check.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace deimos::fake {
namespace {

using namespace versions;
using Checked = std::optional<GatewayRefusal>;

constexpr std::size_t most_operations = 128;
constexpr std::size_t largest_request = 3 << 19;

Checked check_key(const std::string& key) {
  if (key.empty()) return invalid("etcdserver: key is not provided");
  return std::nullopt;
}

Checked check_put(const PutRequest& request) {
  if (Checked refusal = check_key(request.key)) return refusal;
  if (request.ignore_value && !request.value.empty()) return invalid("etcdserver: value is provided");
  if (request.ignore_lease && request.lease != 0) return invalid("etcdserver: lease is provided");
  return std::nullopt;
}

Checked check_txn(const TxnRequest& request, std::size_t most);

Checked check_operation(const Operation& operation, std::size_t most) {
  if (const auto* range = std::get_if<RangeRequest>(&operation)) return check_key(range->range.key);
  if (const auto* put = std::get_if<PutRequest>(&operation)) return check_put(*put);
  if (const auto* removal = std::get_if<DeleteRequest>(&operation)) return check_key(removal->range.key);
  if (const auto* nested = std::get_if<std::shared_ptr<const TxnRequest>>(&operation)) return check_txn(**nested, most);
  return invalid("etcdserver: key not found");
}

/// Nested transactions share the number of operations that are allowed.
Checked check_txn(const TxnRequest& request, std::size_t most) {
  const std::size_t operations = std::max({request.compares.size(), request.success.size(), request.failure.size()});
  if (operations > most) return invalid("etcdserver: too many operations in txn request");
  for (const Compare& compare : request.compares) {
    if (Checked refusal = check_key(compare.range.key)) return refusal;
  }
  for (const auto* branch : {&request.success, &request.failure}) {
    for (const Operation& operation : *branch) {
      if (Checked refusal = check_operation(operation, most - operations)) return refusal;
    }
  }
  return std::nullopt;
}

/// What a branch of a transaction may write.
struct Writes {
  std::set<std::string> puts;
  std::vector<KeyRange> removals;

  [[nodiscard]] bool removes(const std::string& key) const {
    return std::any_of(removals.begin(), removals.end(), [&](const KeyRange& range) {
      // A range without an end is not seen here, nor by etcd.
      return !range.has_no_end() && range.contains(key);
    });
  }
};

/// Whether some key may be written twice.
bool writes_twice(const std::vector<Operation>& operations, Writes& writes);

bool nested_writes_twice(const TxnRequest& txn, Writes& writes) {
  Writes success;
  Writes failure;
  if (writes_twice(txn.success, success) || writes_twice(txn.failure, failure)) return true;
  std::set<std::string> either = success.puts;
  either.insert(failure.puts.begin(), failure.puts.end());  // Only one of them will be done.
  for (const std::string& key : either) {
    if (writes.removes(key) || !writes.puts.insert(key).second) return true;
  }
  for (Writes* branch : {&success, &failure}) {
    writes.removals.insert(writes.removals.end(), branch->removals.begin(), branch->removals.end());
  }
  return false;
}

bool writes_twice(const std::vector<Operation>& operations, Writes& writes) {
  for (const Operation& operation : operations) {
    if (const auto* removal = std::get_if<DeleteRequest>(&operation)) writes.removals.push_back(removal->range);
  }
  for (const Operation& operation : operations) {
    const auto* nested = std::get_if<std::shared_ptr<const TxnRequest>>(&operation);
    if (nested != nullptr && nested_writes_twice(**nested, writes)) return true;
  }
  return std::any_of(operations.begin(), operations.end(), [&](const Operation& operation) {
    const auto* put = std::get_if<PutRequest>(&operation);
    return put != nullptr && (writes.removes(put->key) || !writes.puts.insert(put->key).second);
  });
}

Checked check_whole_txn(const TxnRequest& request) {
  if (Checked refusal = check_txn(request, most_operations)) return refusal;
  for (const auto* branch : {&request.success, &request.failure}) {
    Writes writes;
    if (writes_twice(*branch, writes)) return invalid("etcdserver: duplicate key given in txn request");
  }
  return std::nullopt;
}

template <typename Request>
Checked check_size(const Request& request) {
  if (size_of(Change(request)) > largest_request) return invalid("etcdserver: request is too large");
  return std::nullopt;
}

}  // namespace

std::optional<GatewayRefusal> check_gateway_request(const GatewayRequest& request) {
  if (const auto* range = std::get_if<RangeRequest>(&request)) return check_key(range->range.key);
  if (const auto* removal = std::get_if<DeleteRequest>(&request)) return check_key(removal->range.key);
  if (const auto* put = std::get_if<PutRequest>(&request)) {
    if (Checked refusal = check_put(*put)) return refusal;
    return check_size(*put);
  }
  if (const auto* txn = std::get_if<TxnRequest>(&request)) {
    if (Checked refusal = check_whole_txn(*txn)) return refusal;
    return check_size(*txn);
  }
  return std::nullopt;
}

}  // namespace deimos::fake

#include "versions/requests.h"

#include <algorithm>
#include <type_traits>

namespace deimos::fake::versions {
namespace {

std::size_t size_of_txn(const TxnRequest& txn) noexcept;

std::size_t size_of_range(const KeyRange& range) noexcept { return range.key.size() + range.end.size(); }

std::size_t size_of_operations(const std::vector<Operation>& operations) noexcept {
  std::size_t size = operations.size() * sizeof(Operation);
  for (const Operation& operation : operations) {
    if (const auto* range = std::get_if<RangeRequest>(&operation)) size += size_of_range(range->range);
    if (const auto* put = std::get_if<PutRequest>(&operation)) size += put->key.size() + put->value.size();
    if (const auto* removal = std::get_if<DeleteRequest>(&operation)) size += size_of_range(removal->range);
    if (const auto* nested = std::get_if<std::shared_ptr<const TxnRequest>>(&operation)) size += size_of_txn(**nested);
  }
  return size;
}

std::size_t size_of_txn(const TxnRequest& txn) noexcept {
  std::size_t size = txn.compares.size() * sizeof(Compare);
  for (const Compare& compare : txn.compares) size += size_of_range(compare.range) + compare.value.size();
  return size + size_of_operations(txn.success) + size_of_operations(txn.failure);
}

template <typename Holds>
bool every_operation(const TxnRequest& txn, Holds holds) {
  return std::all_of(txn.success.begin(), txn.success.end(), holds) &&
         std::all_of(txn.failure.begin(), txn.failure.end(), holds);
}

}  // namespace

std::size_t size_of(const Change& change) noexcept {
  std::size_t size = sizeof(Change);
  if (const auto* put = std::get_if<PutRequest>(&change)) size += put->key.size() + put->value.size();
  if (const auto* removal = std::get_if<DeleteRequest>(&change)) size += size_of_range(removal->range);
  if (const auto* txn = std::get_if<TxnRequest>(&change)) size += size_of_txn(*txn);
  return size;
}

bool only_reads(const TxnRequest& txn) noexcept {
  return every_operation(txn,
                         [](const Operation& operation) { return std::holds_alternative<RangeRequest>(operation); });
}

bool is_serializable(const TxnRequest& txn) noexcept {
  return every_operation(txn, [](const Operation& operation) {
    const auto* range = std::get_if<RangeRequest>(&operation);
    return range != nullptr && range->serializable;
  });
}

}  // namespace deimos::fake::versions

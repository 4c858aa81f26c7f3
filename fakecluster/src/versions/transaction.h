// One change of a VersionStore: whatever it writes gets one revision, and its reads see what it has written so far.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <tl/expected.hpp>

#include "versions/requests.h"
#include "versions/version_store.h"

namespace deimos::fake::versions {

class Transaction {
 public:
  /// Told of the events of a change, in order, once the whole of it is done.
  using Told = std::function<void(const std::vector<VersionEvent>&)>;

  /// Refused: nothing has changed.
  static tl::expected<ChangeAnswer, Refusal> apply(VersionStore& store, const Change& change, const Told& told);
  /// `txn` must be one that only_reads().
  [[nodiscard]] static tl::expected<TxnAnswer, Refusal> read(const VersionStore& store, const TxnRequest& txn);

 private:
  explicit Transaction(VersionStore& store) noexcept : store_(store) {}

  /// Of a put, a removal or a transaction.
  tl::expected<ChangeAnswer, Refusal> run(const Change& change);
  tl::expected<ChangeAnswer, Refusal> revoke(const RevokeRequest& request);
  DeleteAnswer remove(const DeleteRequest& request);
  /// Takes the revision, if anything has changed.
  void end(const Told& told);

  /// Which branch each transaction takes, in the order in which they are come by; all compares are of the store as it
  /// was before.
  using Branches = std::vector<bool>;

  [[nodiscard]] static bool holds(const VersionStore& store, const Compare& compare);
  static void choose(const VersionStore& store, const TxnRequest& txn, Branches& branches);
  [[nodiscard]] static std::optional<Refusal> check(const VersionStore& store, const TxnRequest& txn,
                                                    const Branches& branches);
  template <typename Request>
  [[nodiscard]] static std::optional<Refusal> check_each(const VersionStore& store, const TxnRequest& txn,
                                                         const Branches& branches, std::size_t& next);
  [[nodiscard]] static std::optional<Refusal> check(const VersionStore& store, const PutRequest& request);
  [[nodiscard]] static std::optional<Refusal> check(const VersionStore& store, const RangeRequest& request);

  [[nodiscard]] std::int64_t latest() const noexcept { return store_.revision_ + (events_.empty() ? 0 : 1); }
  PutAnswer put(const PutRequest& request);
  TxnAnswer txn(const TxnRequest& txn, const Branches& branches, std::size_t& next);
  void add(const std::string& key, VersionStore::Version version);

  VersionStore& store_;
  std::vector<VersionEvent> events_;
};

}  // namespace deimos::fake::versions

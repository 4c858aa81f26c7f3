// One command at a VersionStore: whatever it changes gets one revision, and its reads see what it has written so far.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <tl/expected.hpp>

#include "versions/requests.h"
#include "versions/version_store.h"

namespace deimos::fake::versions {

class Transaction {
 public:
  explicit Transaction(VersionStore& store) noexcept : store_(store) {}

  /// Of a put, a removal or a transaction. Refused: nothing has changed.
  tl::expected<ChangeAnswer, Refusal> run(const Change& change);
  DeleteAnswer remove(const DeleteRequest& request);
  /// Takes the revision, if anything has changed.
  void end(const VersionStore::Told& told);

  [[nodiscard]] static tl::expected<TxnAnswer, Refusal> read(const VersionStore& store, const TxnRequest& txn);

 private:
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

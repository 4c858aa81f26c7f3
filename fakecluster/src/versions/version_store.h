// A store that keeps every version of each key until it is compacted, and leases that keys are on: what an etcd v3
// holds, as a pure state machine. A Transaction changes it; no clock, no thread, no lock, no text format.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include <deimos/internal/export.h>

#include "versions/requests.h"

namespace deimos::fake::versions {

/// Deterministic, and a value: a copy is another replica. Not thread-safe.
class DEIMOS_EXPORT VersionStore {
 public:
  static constexpr std::int64_t shortest_ttl = 2;
  static constexpr std::int64_t longest_ttl = 9'000'000'000;

  struct Lease {
    std::int64_t ttl = 0;  ///< Seconds, as granted.
    std::set<std::string> keys = {};
  };
  /// `quota`: of bytes, above which nothing is put and no lease granted.
  explicit VersionStore(std::size_t quota) noexcept : quota_(quota) {}

  [[nodiscard]] tl::expected<RangeAnswer, Refusal> range(const RangeRequest& request) const;

  /// 1 at first; one more with each change of keys.
  [[nodiscard]] std::int64_t revision() const noexcept { return revision_; }
  /// What was before that revision may be gone; -1: nothing was compacted.
  [[nodiscard]] std::int64_t compacted() const noexcept { return compacted_; }
  /// Keys that are there now.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// About how many bytes all versions take.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// The key as it was then; nothing if it was not there, or that is compacted.
  [[nodiscard]] std::optional<KeyValue> at(std::string_view key, std::int64_t revision) const;
  /// What happened to keys of that range since `from`, in order, as far as it is not compacted.
  [[nodiscard]] std::vector<VersionEvent> history(const KeyRange& range, std::int64_t from) const;
  [[nodiscard]] const std::map<std::int64_t, Lease>& leases() const noexcept { return leases_; }

 private:
  friend class Transaction;
  struct Version {
    std::int64_t revision = 0;
    std::int64_t place = 0;  ///< Among the changes of its revision.
    std::int64_t created = 0;
    std::int64_t version = 0;  ///< 0: it was removed.
    std::int64_t lease = 0;
    std::string value = {};
  };
  using Versions = std::vector<Version>;  ///< Oldest first.
  using Keys = std::map<std::string, Versions, std::less<>>;
  struct Place {
    std::int64_t revision = 0;
    std::int64_t place = 0;
    auto operator<=>(const Place&) const = default;
  };

  [[nodiscard]] std::pair<Keys::const_iterator, Keys::const_iterator> keys_in(const KeyRange& range) const;
  [[nodiscard]] static const Version* version_at(const Versions& versions, std::int64_t revision) noexcept;
  [[nodiscard]] static KeyValue pair_of(const std::string& key, const Version& version);
  [[nodiscard]] tl::expected<RangeAnswer, Refusal> range_as_of(const RangeRequest& request, std::int64_t latest) const;
  void add(const std::string& key, Version version);
  void forget(Keys::iterator key, std::size_t versions);
  void attach(std::int64_t lease, const std::string& key);
  void detach(std::int64_t lease, const std::string& key);

  tl::expected<ChangeAnswer, Refusal> compact(const CompactionRequest& request);
  tl::expected<ChangeAnswer, Refusal> grant(const GrantRequest& request);

  std::size_t quota_;
  std::int64_t revision_ = 1;
  std::int64_t compacted_ = -1;
  Keys keys_;
  /// Which key changed when. Keys that are removed stay in keys_ until they are compacted.
  std::map<Place, std::string> changes_;
  std::map<std::int64_t, Lease> leases_;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace deimos::fake::versions

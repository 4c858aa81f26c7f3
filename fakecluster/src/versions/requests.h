// What can be asked of a VersionStore, and what it answers: the messages of etcd v3 as plain values. Revisions,
// versions and leases are signed, as etcd's are: what a client may send is what the store has to judge.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace deimos::fake::versions {

/// A key as of some revision; of a removal the key and `mod_revision` alone.
struct KeyValue {
  std::string key = {};
  std::string value = {};
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t version = 0;  ///< Counts the writes since it was created; 0: removed.
  std::int64_t lease = 0;    ///< 0: none.
};

/// Keys are any bytes, ordered as unsigned ones.
struct KeyRange {
  std::string key = {};
  std::string end = {};  ///< Behind the last. Empty: `key` alone. One zero byte: all from `key` on.

  [[nodiscard]] bool has_no_end() const noexcept { return end.size() == 1 && end[0] == '\0'; }
  [[nodiscard]] bool contains(std::string_view other) const noexcept {
    if (end.empty()) return other == key;
    return other >= key && (has_no_end() || other < end);
  }
};

/// `unknown`: all keys are fetched as if to be sorted, and are not.
enum class SortOrder : std::uint8_t { none, ascend, descend, unknown };
enum class Attribute : std::uint8_t { key, version, create_revision, mod_revision, value, lease };

struct RangeRequest {
  KeyRange range = {};
  std::int64_t limit = 0;     ///< 0 and below: none.
  std::int64_t revision = 0;  ///< 0 and below: the latest.
  SortOrder order = SortOrder::none;
  Attribute target = Attribute::key;
  bool serializable = false;  ///< From what the node asked has applied.
  bool keys_only = false;
  bool count_only = false;
  // 0: not asked for.
  std::int64_t min_mod_revision = 0;
  std::int64_t max_mod_revision = 0;
  std::int64_t min_create_revision = 0;
  std::int64_t max_create_revision = 0;
};
struct PutRequest {
  std::string key = {};
  std::string value = {};
  std::int64_t lease = 0;
  bool prev_kv = false;
  bool ignore_value = false;
  bool ignore_lease = false;
};
struct DeleteRequest {
  KeyRange range = {};
  bool prev_kv = false;
};
/// Holds if every key of the range compares so; of a range without keys one that was never written does, but for
/// values.
struct Compare {
  enum class Result : std::uint8_t { equal, greater, less, not_equal, any };
  Attribute target = Attribute::version;
  Result result = Result::equal;
  KeyRange range = {};
  std::int64_t number = 0;
  std::string value = {};
};
struct TxnRequest;
/// std::monostate: of no kind that is known, which is refused.
using Operation =
    std::variant<std::monostate, RangeRequest, PutRequest, DeleteRequest, std::shared_ptr<const TxnRequest>>;
struct TxnRequest {
  std::vector<Compare> compares = {};
  std::vector<Operation> success = {};
  std::vector<Operation> failure = {};
};
struct CompactionRequest {
  std::int64_t revision = 0;
};
struct GrantRequest {
  std::int64_t id = 0;
  std::int64_t ttl = 0;  ///< Seconds.
};
struct RevokeRequest {
  std::int64_t id = 0;
};

/// What goes into the log.
using Change = std::variant<PutRequest, DeleteRequest, TxnRequest, CompactionRequest, GrantRequest, RevokeRequest>;
/// About how many bytes it takes.
[[nodiscard]] std::size_t size_of(const Change& change) noexcept;
/// Whether it changes nothing, whatever the store holds.
[[nodiscard]] bool only_reads(const TxnRequest& txn) noexcept;
/// Whether no range in it asks for more than what the node has applied.
[[nodiscard]] bool is_serializable(const TxnRequest& txn) noexcept;

enum class Refusal : std::uint8_t {
  key_not_found,
  compacted,
  future_revision,
  lease_not_found,
  lease_exists,
  ttl_too_large,
  no_space,
};

// Answers. `revision`: the store's, as that request saw it.

struct RangeAnswer {
  std::int64_t revision = 0;
  std::vector<KeyValue> pairs = {};
  bool more = false;
  std::int64_t count = 0;  ///< Of the keys in the range, whatever was asked for of them.
};
struct PutAnswer {
  std::int64_t revision = 0;
  std::optional<KeyValue> previous = {};
};
struct DeleteAnswer {
  std::int64_t revision = 0;
  std::int64_t deleted = 0;
  std::vector<KeyValue> previous = {};
};
struct TxnAnswer;
using OperationAnswer = std::variant<RangeAnswer, PutAnswer, DeleteAnswer, std::shared_ptr<const TxnAnswer>>;
struct TxnAnswer {
  std::int64_t revision = 0;  ///< Not of a nested one: 0.
  bool succeeded = false;
  std::vector<OperationAnswer> operations = {};
};
struct CompactionAnswer {
  std::int64_t revision = 0;
};
struct GrantAnswer {
  std::int64_t revision = 0;
  std::int64_t id = 0;
  std::int64_t ttl = 0;
};
struct RevokeAnswer {
  std::int64_t revision = 0;
};
using ChangeAnswer = std::variant<PutAnswer, DeleteAnswer, TxnAnswer, CompactionAnswer, GrantAnswer, RevokeAnswer>;

/// A put, or a removal if its version is 0.
struct VersionEvent {
  KeyValue pair;
  [[nodiscard]] bool is_removal() const noexcept { return pair.version == 0; }
};

}  // namespace deimos::fake::versions

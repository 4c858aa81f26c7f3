// What goes to etcd's JSON gateway and comes back: the few messages that locks need, as plain values.
//
// Keys and values are base64 in the JSON, 64-bit numbers are text in it, and what is 0 or empty is left out. Whatever
// is read here was written by a stranger: it is refused with a sentence that says what is wrong, and nothing recurses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace deimos::etcd {

template <typename T>
using Read = tl::expected<T, std::string>;

struct KeyValue {
  std::string key;
  std::string value;
  std::uint64_t create_revision = 0;
  std::uint64_t mod_revision = 0;
  std::int64_t lease = 0;  ///< 0: none.
};

/// The first key behind all those that begin with `prefix`, which must not be empty nor end with 0xff.
[[nodiscard]] std::string end_of_prefix(std::string prefix);

/// A transaction: if all compares hold then these steps, else those; one request, one revision.
class Txn {
 public:
  Txn& if_absent(const std::string& key);
  Txn& if_none_below(const std::string& prefix);
  Txn& if_revision(const std::string& key, std::uint64_t mod_revision);
  Txn& if_value(const std::string& key, const std::string& value);
  Txn& then_put(const std::string& key, const std::string& value, std::int64_t lease);
  Txn& then_remove(const std::string& key);
  Txn& then_range(const std::string& key);
  /// All below `prefix`, in the order of their creation.
  Txn& then_list(const std::string& prefix);
  /// Whether anything is there: at most one key, without its value.
  Txn& then_any_below(const std::string& prefix);
  Txn& then_txn(const Txn& nested);
  /// From here on then_…() are for the case that a compare does not hold …
  Txn& otherwise();
  /// … or for the case that all hold, as at first.
  Txn& if_so();

  [[nodiscard]] std::string json() const;
  /// Without a step that writes: it may be asked again.
  [[nodiscard]] bool only_reads() const noexcept { return !writes_; }

 private:
  Txn& compare(const std::string& text);
  Txn& step(const std::string& text);

  std::string compares_;
  std::string steps_[2];
  int branch_ = 0;
  bool writes_ = false;
};

struct TxnAnswer {
  std::uint64_t revision = 0;  ///< Of the store.
  bool succeeded = false;      ///< The compares held.
  /// Of each step, in order: what a range found (none of all others).
  std::vector<std::vector<KeyValue>> found;
  /// Of each step: whether it was a nested transaction whose compares held.
  std::vector<bool> nested_succeeded;
};
[[nodiscard]] Read<TxnAnswer> read_txn(std::string_view body);

struct LeaseAnswer {
  std::int64_t ttl = 0;  ///< Seconds; 0 or below: there is no such lease.
  std::vector<std::string> keys;
};
/// Of a grant, of what is left of a lease, or (`in_stream`) of keeping one alive.
[[nodiscard]] Read<LeaseAnswer> read_lease(std::string_view body, bool in_stream);

struct WatchEvent {
  bool removed = false;
  KeyValue pair;  ///< Of a removal: the key and the revision alone.
};
struct WatchAnswer {
  std::vector<WatchEvent> events;      ///< In order; empty: none came.
  std::uint64_t compact_revision = 0;  ///< Not 0: the history asked for is gone.
  std::string problem;                 ///< Not empty: why the watch was ended.
  [[nodiscard]] bool says_anything() const noexcept {
    return !events.empty() || compact_revision != 0 || !problem.empty();
  }
};
/// The first message of the stream that says anything; a last line that is broken off counts as not come yet.
[[nodiscard]] Read<WatchAnswer> read_watch(std::string_view body);

/// A refusal: gRPC's code (0: the body is no refusal of etcd's) and what the store says.
struct Refusal {
  std::int64_t code = 0;
  std::string message;
};
[[nodiscard]] Refusal read_refusal(std::string_view body);
/// Of /version: `3.4.23`.
[[nodiscard]] Read<std::string> read_version(std::string_view body);
[[nodiscard]] Read<std::string> read_token(std::string_view body);
/// Of `key`, or of all that begins with it, from that revision on.
[[nodiscard]] std::string watch_json(const std::string& key, bool all_below, std::uint64_t from_revision);
/// `{"name":…,"password":…}`.
[[nodiscard]] std::string credentials_json(const std::string& user, const std::string& password);

}  // namespace deimos::etcd

// What a test waits for: conditions on what a cluster stores, who leads it and what it was asked, as plain values.
//
//   cluster.wait_until(deimos::fake::KeyAbsent{"/locks/reports"}, {.within = 40s});    // its lease has ended
//   cluster.wait_until(deimos::fake::JournalHas{{.method = "PUT", .key = "/jobs/**"}, 3});
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>

#include <deimos/fake/clock.h>
#include <deimos/fake/journal.h>
#include <deimos/fake/node_id.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

/// The key is there, a file or a directory.
struct KeyExists {
  std::string key = {};
  NodeId node = 0;  ///< In the store of that node; 0: as committed.
  bool operator==(const KeyExists&) const = default;
};
struct KeyAbsent {
  std::string key = {};
  NodeId node = 0;
  bool operator==(const KeyAbsent&) const = default;
};
/// The key is a file with that value.
struct KeyHasValue {
  std::string key = {};
  std::string value = {};
  NodeId node = 0;
  bool operator==(const KeyHasValue&) const = default;
};
/// So many requests match; the journal must be kept.
struct JournalHas {
  JournalFilter match = {};
  std::uint64_t at_least = 1;
  bool operator==(const JournalHas&) const = default;
};
/// The node leads and can commit.
struct LeaderIs {
  NodeId node = 0;  ///< 0: some node does.
  bool operator==(const LeaderIs&) const = default;
};
/// So many watches are open and are told of events.
struct WatchesOpen {
  std::uint64_t at_least = 1;
  std::uint64_t at_most = std::numeric_limits<std::uint64_t>::max();
  NodeId node = 0;       ///< At that node; 0: at all together.
  std::string key = {};  ///< Only of keys that this pattern matches (see Match::key); empty: all.
  bool operator==(const WatchesOpen&) const = default;
};

using Condition = std::variant<KeyExists, KeyAbsent, KeyHasValue, JournalHas, LeaderIs, WatchesOpen>;

struct WaitOptions {
  std::chrono::nanoseconds within = std::chrono::seconds(30);  ///< By the cluster's clock.
  /// For a cluster with a clock of its own: before that is moved, and again at the end, the real time that clients get
  /// to act on what happened last. Zero: none, which suits clients of the same thread.
  std::chrono::milliseconds settle{};
};

struct WaitResult {
  bool held = false;
  Instant at{};                       ///< True time at which it did, or at which the wait ended.
  std::chrono::nanoseconds waited{};  ///< By the same clock.
  std::string text = {};              ///< For people: what held; or what did not, and how near it came.
};

/// `key_exists`, …: the type's name in lower case, as the admin API says it.
[[nodiscard]] DEIMOS_EXPORT std::string_view name_of(const Condition& condition) noexcept;
/// For people: `/locks/a is absent`, `node 2 leads`.
[[nodiscard]] DEIMOS_EXPORT std::string describe(const Condition& condition);
/// Throws std::invalid_argument, saying why, if `condition` makes no sense in a cluster of `nodes` nodes.
DEIMOS_EXPORT void validate(const Condition& condition, NodeId nodes);

}  // namespace deimos::fake

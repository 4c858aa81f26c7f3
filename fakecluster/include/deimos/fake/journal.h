// The journal of a cluster: what was asked of its nodes, and what came of each request; and the check of what a client
// should have asked.
//
//   deimos::fake::Cluster cluster({.nodes = 3, .journal_entries = 1000});
//   run_my_service(cluster);
//   const auto verdict = cluster.verify({.method = "PUT", .key = "/locks/*"}, deimos::fake::Times::exactly(3));
//   EXPECT_TRUE(verdict.holds) << verdict.text;
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/fake/clock.h>
#include <deimos/fake/node_id.h>
#include <deimos/fake/rule.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

/// Bytes that the journal keeps of each text but the key.
inline constexpr std::size_t journal_text_bytes = 1024;
/// Of a key: a longer one is refused by a node, if NodeLimits::key_limit is as it is by default.
inline constexpr std::size_t journal_key_bytes = 4096;

/// One request that came to a node.
struct JournalEntry {
  enum class Outcome : std::uint8_t {
    open,      ///< Has no answer yet, or is a watch whose body goes on.
    answered,  ///< The answer is complete.
    broken,    ///< The connection broke: before an answer, or within it.
    refused,   ///< The connection was refused, so nothing was done.
    left,      ///< The client went before the answer was complete.
  };

  std::uint64_t id = 0;  ///< From 1, in the order in which they came; never used twice (but after a reset).
  Instant at{};          ///< True time at which it came.
  NodeId node = 0;
  std::uint64_t connection = 0;  ///< One of the node's HTTP connections, from 1; 0: it came in another way.
  std::string client = {};       ///< Origin::client.
  std::string method = {};       ///< As in Match: `PUT`, …, `WATCH`.
  std::string key = {};          ///< As the node understands it; empty if it is not for a key.
  std::string path = {};         ///< As sent: `/keys/a%20b`.
  std::string query = {};        ///< As sent, without the `?`.
  std::string form = {};         ///< The body, as sent.
  std::size_t left_out = 0;      ///< Bytes of the texts above that are not kept.
  Outcome outcome = Outcome::open;
  int status = 0;                       ///< 0: none was sent.
  std::chrono::nanoseconds duration{};  ///< By true time, until it had its outcome.
  RuleId rule = 0;                      ///< Which acted on it; 0: none. (Pass and Count do not act.)
  std::string rule_name = {};
  std::string action = {};  ///< What that rule did: `drop_answer`.
  /// Whether its client never gets a whole answer: a rule drops it, the connection broke, or the client left first.
  bool lost = false;
};

/// Which entries. All that is given must hold; by default every entry matches.
struct JournalFilter {
  std::string client = {};     ///< A pattern, as Match::key.
  NodeId node = 0;             ///< 0: any.
  std::string method = {};     ///< As Match::method; empty: any.
  std::string key = {};        ///< A pattern; empty: any request, also one that is not for a key.
  std::string parameter = {};  ///< A text that occurs in the query or the form, as far as they are kept.
  int status = 0;              ///< 0: any.
  std::string action = {};     ///< Of the rule that acted; empty: any, or none.
  std::optional<bool> lost = {};
  std::uint64_t since = 0;  ///< Only entries with a greater id.
  bool operator==(const JournalFilter&) const = default;
};

/// What a journal has for a filter.
struct Journal {
  std::vector<JournalEntry> entries = {};  ///< The oldest first.
  std::size_t more = 0;                    ///< Further entries that match, beyond the limit asked for.
  std::uint64_t last = 0;                  ///< Id of the latest request, matching or not: for JournalFilter::since.
  /// Requests after `since` that had to make room for newer ones, matching or not, since the journal was cleared.
  std::uint64_t forgotten = 0;
};

/// How often.
struct Times {
  std::uint64_t at_least = 0;
  std::uint64_t at_most = std::numeric_limits<std::uint64_t>::max();
  static Times exactly(std::uint64_t n) { return {n, n}; }
  bool operator==(const Times&) const = default;
};

struct JournalVerdict {
  bool holds = false;
  std::uint64_t count = 0;  ///< Entries that match.
  /// For people. If it does not hold: what was expected, what there was, and the entries that matched or came nearest,
  /// a line each.
  std::string text = {};
  /// If it does not hold: those entries, the nearest first; at most 5.
  std::vector<JournalEntry> nearest = {};
};

/// Called when a request has its outcome, by whatever call brought it. Must be quick and must not call the cluster.
using JournalObserver = std::function<void(const JournalEntry&)>;

/// `open`, `answered`, …
[[nodiscard]] DEIMOS_EXPORT std::string_view to_string(JournalEntry::Outcome outcome) noexcept;
/// A line: `#12 PUT /keys/a?ttl=5 by worker at node 2: 201 after 3ms, rule 'slow' delay`.
[[nodiscard]] DEIMOS_EXPORT std::string describe(const JournalEntry& entry);
/// `PUT of /locks/* by worker`; `any request`.
[[nodiscard]] DEIMOS_EXPORT std::string describe(const JournalFilter& filter);
/// Throws std::invalid_argument, saying why, if nothing in a cluster of `nodes` nodes could ever match.
DEIMOS_EXPORT void validate(const JournalFilter& filter, NodeId nodes);

}  // namespace deimos::fake

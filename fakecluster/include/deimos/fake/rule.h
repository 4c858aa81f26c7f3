// Faults of single requests: a chain of rules, of which the first that acts decides. Every front of a cluster applies
// them: HTTP, in process, simulated network.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include <deimos/fake/node_id.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

/// Where a request comes from, as far as whoever brings it knows.
struct Origin {
  std::string client = {};    ///< Empty: the value of the request's header `X-Deimos-Client`, if there is one.
  std::uint64_t request = 0;  ///< For Cluster::applied(); unique if not 0.
};

/// Bytes of a pattern; a longer one is refused.
inline constexpr std::size_t longest_pattern = 512;

/// Which requests. All that is given must hold; by default everything matches.
struct Match {
  std::string client = {};  ///< A pattern for Origin::client, as `key`; empty: any.
  NodeId node = 0;          ///< The node asked; 0: any.
  std::string method = {};  ///< `PUT`, …; `WATCH` for a GET with `wait`, `GET` for any other; empty: any.
  /// A pattern for the key (`/locks/a`, as the node understands it): `?` is one character but `/`, `*` any number of
  /// those, `**` any number of any. Empty: any request, also one that is not for a key. In the etcd3 dialect the path
  /// behind `/v3` stands for it: `/kv/txn`, with method `POST` (of `/watch`: `WATCH`).
  std::string key = {};
  /// A text that occurs in the query or the form as they were sent: `prevExists=false`. Empty: any.
  std::string parameter = {};
  std::uint64_t nth = 0;    ///< Only the nth of all that the above match, from 1; 0: all of them.
  std::uint64_t every = 0;  ///< Only every such one of them (3: the third, the sixth, …); 0 and 1: all of them.
  std::uint64_t times = 0;  ///< No more once the rule acted so often; 0: no limit.
  double probability = 1;   ///< Drawn from the cluster's seed.
  std::uint64_t after = 0;  ///< Not the first so many of all that the above match; `every` counts from there.
  bool operator==(const Match&) const = default;
};

/// As if the rule chain were empty: keeps later rules from acting.
struct Pass {
  bool operator==(const Pass&) const = default;
};
/// Delays the request, or its answer from the first byte on; drawn anew each time.
struct Delay {
  std::chrono::nanoseconds least{};
  std::chrono::nanoseconds most{};
  bool answer = false;
  bool operator==(const Delay&) const = default;
};
/// Drops the request; the client gets no answer.
struct DropRequest {
  bool operator==(const DropRequest&) const = default;
};
/// The node handles the request; the client gets no answer.
struct DropAnswer {
  bool operator==(const DropAnswer&) const = default;
};
/// Delivers the request `copies` more times, each after a delay; the client gets the first answer.
struct Duplicate {
  std::uint32_t copies = 1;  ///< From 1 to 100.
  std::chrono::nanoseconds least{};
  std::chrono::nanoseconds most{};
  bool operator==(const Duplicate&) const = default;
};
/// Holds the request until the next matching one has reached its node, or for `at_most`.
struct Reorder {
  std::chrono::nanoseconds at_most = std::chrono::seconds(1);
  bool operator==(const Reorder&) const = default;
};
/// A stub: returns this response; the node never sees the request.
struct Answer {
  int status = 500;  ///< From 100 to 599; not used if `error_code` is given.
  /// One of Deimos's error codes (100 to 401): answered as a Deimos does, with the status that belongs to it.
  int error_code = 0;
  std::string body = {};                                   ///< With `error_code`: the cause.
  std::string content_type = "text/plain; charset=utf-8";  ///< Not used with `error_code`.
  /// Further headers, also such as a Deimos sends (`X-Deimos-Index`); none of the connection's own.
  std::map<std::string, std::string> headers = {};
  bool operator==(const Answer&) const = default;
};
/// The answer's body ends after so many bytes, as if that were all of it. Of a watch: of all its body.
struct TruncateBody {
  std::size_t bytes = 0;
  bool operator==(const TruncateBody&) const = default;
};
/// Changes one byte in sixteen of the answer's body, at least one.
struct CorruptBody {
  bool operator==(const CorruptBody&) const = default;
};
/// The node does as it was asked; the connection breaks after so many bytes of the answer's body, or at its end. 0:
/// before its status.
struct ResetAfter {
  std::size_t bytes = 0;
  bool operator==(const ResetAfter&) const = default;
};
/// The connection is refused: the client knows that nothing was done. (Over HTTP it breaks before an answer: there the
/// request has been read by then.)
struct RefuseConnection {
  bool operator==(const RefuseConnection&) const = default;
};
/// Only counts (RuleStatus::acted): later rules act as if this one were not there.
struct Count {
  bool operator==(const Count&) const = default;
};

using RuleAction = std::variant<Pass, Delay, DropRequest, DropAnswer, Duplicate, Reorder, Answer, TruncateBody,
                                CorruptBody, ResetAfter, RefuseConnection, Count>;

struct Rule {
  std::string name = {};  ///< For RemoveRules and for people; need not be unique.
  Match match = {};
  RuleAction action = {};
  bool operator==(const Rule&) const = default;
};

/// Names a rule in a chain; never 0, never used twice (but after a reset).
using RuleId = std::uint64_t;

/// A rule and what it did so far.
struct RuleStatus {
  RuleId id = 0;
  Rule rule = {};
  std::uint64_t matched = 0;  ///< Requests that came so far in the chain and matched, `nth` and the like aside.
  std::uint64_t acted = 0;
};

/// `pass`, `delay`, `drop_request`, …: the type's name in lower case, as the admin API says it.
[[nodiscard]] DEIMOS_EXPORT std::string_view name_of(const RuleAction& action) noexcept;
/// For people: `drop answer of PUT /locks/* at node 2, 1st only`.
[[nodiscard]] DEIMOS_EXPORT std::string describe(const Rule& rule);
/// Throws std::invalid_argument, saying why, if `rule` makes no sense in a cluster of `nodes` nodes.
DEIMOS_EXPORT void validate(const Rule& rule, NodeId nodes);

}  // namespace deimos::fake

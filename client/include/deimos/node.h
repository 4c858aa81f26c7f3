// What the store says: nodes, the events that change them, and the answer to a call. Plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/internal/export.h>
#include <deimos/runtime.h>
#include <deimos/transport.h>

namespace deimos {

/// A file or a directory, as the store had it at one index.
struct Node {
  std::string key;                   ///< From the root: `/config/rate`. The root itself is `/`.
  std::optional<std::string> value;  ///< Files only. The node of a delete or expire event has none: see prev_node.
  bool dir = false;                  ///< Always false in the node of an expire event, even of a directory.
  /// By the store's clock. None: permanent. Not to be trusted in an event: in one from the history it is that of the
  /// key's lease now, not then.
  std::optional<std::chrono::sys_time<Duration>> expiration;
  /// Left until then, rounded up. Negative while an expired key waits to be swept; the store leaves out 0.
  std::optional<std::chrono::seconds> ttl;
  std::vector<Node> children;  ///< Of a directory that was listed; in no order unless `sorted` was asked for.
  std::uint64_t modified_index = 0;
  std::uint64_t created_index = 0;

  friend bool operator==(const Node&, const Node&) = default;
};

enum class Action { get, create, set, update, remove, compare_and_swap, compare_and_delete, expire };

/// As the store spells it: `get`, `delete` (Action::remove), `compareAndSwap`, …
[[nodiscard]] DEIMOS_EXPORT std::string_view to_string(Action action) noexcept;

/// One change of the store; its index is `node.modified_index`.
struct Event {
  Action action = Action::get;
  Node node;
  std::optional<Node> prev_node;  ///< What was there before.

  /// The key is gone: deleted, compared-and-deleted or expired.
  [[nodiscard]] bool is_removal() const noexcept {
    return action == Action::remove || action == Action::compare_and_delete || action == Action::expire;
  }
  friend bool operator==(const Event&, const Event&) = default;
};

/// What a successful call came back with.
struct Answer : Event {
  std::uint64_t index = 0;       ///< X-Deimos-Index or X-Etcd-Index: the store's, after the change or at the reading.
  std::uint64_t raft_index = 0;  ///< X-Raft-Index; 0 if the answer had none.
  std::uint64_t raft_term = 0;   ///< X-Raft-Term; grows with every election. 0 if the answer had none.
  Headers headers;               ///< All of them, as they came.
};

}  // namespace deimos

// The options of a watch, and the gap that it reports.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include <deimos/error.h>
#include <deimos/node.h>
#include <deimos/runtime.h>

namespace deimos {

/// Events that a watch could not have: the store's history no longer had them, or does not tell them (the end of a
/// directory above the key), or the store has begun anew, at indexes lower than those it had.
struct Gap {
  std::uint64_t first_missed = 0;  ///< Events from this index …
  std::uint64_t read_at = 0;       ///< … to this one may be missing; the watch goes on at read_at + 1. Lower than
                                   ///< first_missed if the store has begun anew.
  std::optional<Node> state;       ///< The watched node as read at `read_at`, with all below it if the watch is
                                   ///< recursive; none if it does not exist.
};

struct WatchOptions {
  bool recursive = false;  ///< Also everything below the key, but for hidden names.
  /// The first event wanted may have this index. 0: whatever happens after watch() was called. A store that is further
  /// behind than the index before is taken for one that has begun anew.
  std::uint64_t from_index = 0;
  /// The longest that one poll stays open; none: the client's. At least 1 ms.
  std::optional<Duration> poll_timeout = {};
  /// Called when events were lost, before the next event. Not called if the state read shows that nothing was missed.
  /// Runs on the task that iterates (or that runs the callback).
  std::function<void(const Gap&)> on_gap = {};
  /// Callback form only: the watch has ended with an error that asking again cannot heal.
  std::function<void(const Error&)> on_error = {};
};

}  // namespace deimos

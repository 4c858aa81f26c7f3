// In what the stores of the dialects differ. All else is the same.
#pragma once

#include <cstddef>

namespace deimos::fake {

/// As given here: Deimos.
struct StoreRules {
  /// Names of children made in order have at least so many digits.
  std::size_t in_order_digits = 1;
  /// The node of an expired directory says that it was one.
  bool expired_directory_is_one = false;
  /// An old event shows the lease that its key has by now.
  bool past_shows_last_expiration = true;
  /// From the history, the removal of a directory is told to whoever watches a key that begins with the directory's:
  /// of `/jobs` to a watcher of `/jobs/1`, but of `/jobsite` as well.
  bool past_tells_removals = false;
  /// The removal of a directory is told, as it happens, to whoever watches what was in it, and not to watchers of what
  /// was not there.
  bool removal_tells_what_was_there = false;
  /// A watcher that streams hears of the removal of its very key twice.
  bool removal_streams_twice = false;
};

}  // namespace deimos::fake

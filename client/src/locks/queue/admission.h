// Who of a queue may go in: a pure function of the places in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/lock_backend.h>

#include "locks/session/lock_value.h"

namespace deimos {

/// One place in the queue of a lock.
struct QueuePlace {
  LockRecord record;
  LockValue value;
};

/// A queue as it was read: its places in order, and what else its directory holds.
struct LockQueue {
  std::vector<QueuePlace> places;
  std::optional<int> permits;       ///< How many a semaphore has, if that was written down.
  std::optional<LockRecord> limit;  ///< Where it was.
  bool resized = false;             ///< By Semaphore::resize(): what the code says counts no more.
  std::uint64_t revision = 0;       ///< Of the store at that reading.
};

/// Files that are no places are left out: they are in other use, as of a lock whose name goes on below this one's.
[[nodiscard]] LockQueue queue_of(Listing listing);

/// What is to happen to one place of a queue.
struct QueueVerdict {
  enum class Kind {
    admitted,
    wait_for_place,  ///< Until the place `index` is gone, or (a semaphore's) says that it is held.
    wait_for_any,    ///< Until anything in the queue changes.
    kind_differs,    ///< The first place, `index`, is another kind's.
    too_many,        ///< It asks for more permits than there are.
  };
  Kind kind = Kind::admitted;
  std::size_t index = 0;
};

/// Whether the place at `index` holds the lock; a semaphore's by the permits that are written down.
[[nodiscard]] bool is_admitted(const LockQueue& queue, std::size_t index);
/// On the place at `mine`. `permits`: how many a semaphore has.
[[nodiscard]] QueueVerdict verdict_on(const LockQueue& queue, std::size_t mine, int permits);

/// The text of the record that says how many permits a semaphore has, and its name in the directory of the queue.
[[nodiscard]] std::string limit_text(int permits, bool resized);
[[nodiscard]] bool is_limit_text(std::string_view text) noexcept;
inline constexpr const char* limit_name = "limit";

}  // namespace deimos

// What happens to locks, as the store tells it: for dashboards, alarms, audits.
#pragma once

#include <cstdint>
#include <string_view>

#include <deimos/internal/export.h>
#include <deimos/lock_options.h>

namespace deimos {

/// One change of who holds a lock, or waits for it. A plain value.
struct LockChange {
  enum class Kind {
    queued,    ///< Waits for the lock, in its queue. (Who waits for a Mutex that is not fair is in none.)
    acquired,  ///< Holds it now.
    released,  ///< Gave it back, or was made to; one that waited (`lock.waiting`) has left the queue.
    expired,   ///< Its lease was over: the store has swept it, or somebody else has taken the lock over.
    gone,      ///< Released or expired: which of them, the store does not remember.
  };
  Kind kind = Kind::acquired;
  LockInfo lock;  ///< As it is (queued, acquired) or was; `ttl` and `expires` are as of the last reading.
};

/// `queued`, `acquired`, …
[[nodiscard]] DEIMOS_EXPORT std::string_view to_string(LockChange::Kind kind) noexcept;

}  // namespace deimos

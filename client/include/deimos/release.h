// What became of a release.
#pragma once

namespace deimos {

/// How a release that found the lock held went.
enum class Release {
  freed,          ///< The store has confirmed it: the lock is free.
  nested,         ///< Other holds of the same owner remain.
  in_background,  ///< It could not be confirmed in time: a background task sees to it. The lock is no longer held.
};

}  // namespace deimos

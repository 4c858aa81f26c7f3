// Follows what happens below a directory of the store: reads it, listens, and reads again when that is needed.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include <deimos/lock_backend.h>
#include <deimos/lock_options.h>
#include <deimos/runtime.h>

namespace deimos {

struct FollowedDirectory {
  Runtime& runtime;
  LockBackend& backend;
  const LockOptions& options;
  std::string path;
};

struct Follower {
  /// Reads all of it; returns the store's revision at that reading.
  std::function<Result<std::uint64_t>(const Deadline&)> read;
  /// One change after that reading; whether it is to be read again.
  std::function<bool(const Change&)> changed;
};

/// Blocks until `stop` is triggered (errc::cancelled), or asking again cannot help; returns why. Calls back on the
/// calling task. Every change is either told or, if the store has forgotten it, followed by a reading; and it is read
/// now and then also if nothing is told, since a store may have begun anew.
[[nodiscard]] Error follow_changes(const FollowedDirectory& directory, const Follower& follower,
                                   const std::stop_token& stop);

}  // namespace deimos

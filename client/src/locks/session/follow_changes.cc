#include "locks/session/follow_changes.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "locks/session/patient_caller.h"

namespace deimos {
namespace {

constexpr Duration read_interval = std::chrono::seconds(30);

AcquireLimits limits_of(const FollowedDirectory& directory, const std::stop_token& stop) {
  AcquireLimits limits;
  limits.name = directory.path;
  limits.deadline = TimePoint::max();
  limits.listen_for = directory.options.poll_interval;
  limits.stop = stop;
  return limits;
}

/// Listens from that revision on until it is to be read again; why to give up, if that is so.
std::optional<Error> listen(const FollowedDirectory& directory, const Follower& follower, PatientCaller& caller,
                            std::uint64_t from) {
  Runtime& runtime = directory.runtime;
  const AcquireLimits& limits = caller.limits();
  const TimePoint read_at = saturating_add(runtime.now(), read_interval);
  while (runtime.now() < read_at && !limits.stop.stop_requested()) {
    const TimePoint until = std::min(read_at, saturating_add(runtime.now(), limits.listen_for));
    const auto change = directory.backend.wait_for_any_change(directory.path, from, {until, limits.stop});
    if (!change && change.error().code == errc::history_cleared) return std::nullopt;
    if (!change) {
      if (auto why = caller.read_failed(change.error())) return why;
      continue;
    }
    caller.read_answered();
    if (!*change) {
      if (runtime.now() < until) caller.pause(read_at);  // The store ended the poll; it may go on doing so.
      continue;
    }
    caller.made_progress();
    from = std::max(from, (*change)->revision) + 1;
    if (follower.changed(**change)) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Error follow_changes(const FollowedDirectory& directory, const Follower& follower, const std::stop_token& stop) {
  PatientCaller caller(directory.runtime, directory.options, limits_of(directory, stop));
  for (;;) {
    if (auto why = caller.out_of_time()) return *why;
    const Result<std::uint64_t> revision = follower.read(caller.step_deadline());
    if (!revision) {
      if (auto why = caller.read_failed(revision.error())) return *why;
      continue;
    }
    caller.read_answered();
    if (auto why = listen(directory, follower, caller, *revision + 1)) return *why;
  }
}

}  // namespace deimos

// The requests to let go of locks that are in the store: heard of, kept while they last, and told on.
//
// They are records of their own, below a hidden directory beside the locks, with leases that end when the time for the
// holder is up: _asked/NAME/… holds "release TOKEN SECONDS;REASON", where TOKEN is the greatest fencing token of those
// asked, and SECONDS the time they had when it was written.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <deimos/internal/local_mutex.h>
#include <deimos/lock_backend.h>
#include <deimos/release_request.h>

#include "locks/session/follow_changes.h"

namespace deimos {

inline constexpr std::string_view release_requests_directory = "_asked";

/// Where requests for the lock `name` are, below that directory: one part, whatever parts the name has.
[[nodiscard]] std::string release_requests_of(std::string_view name);
[[nodiscard]] std::string release_request_text(std::uint64_t up_to, const ReleaseDemand& demand);
/// In whole seconds: the lease of the record.
[[nodiscard]] std::chrono::seconds time_of(const ReleaseDemand& demand);

/// Thread-safe.
class ReleaseRequests {
 public:
  struct Addressed {
    std::string name;
    std::uint64_t up_to = 0;  ///< Those whose fencing token is no greater are asked.
    ReleaseRequest request;
  };
  /// Called on the task that runs run(), under no lock.
  using Tell = std::function<void(const Addressed&)>;

  ReleaseRequests(FollowedDirectory directory, Tell tell);

  /// The body of the listening task.
  void run(const std::stop_token& stop);
  /// The latest for whoever holds that lock with that token, if any is in the store as far as run() knows.
  [[nodiscard]] std::optional<ReleaseRequest> find(const std::string& name, std::uint64_t fencing_token) const;

 private:
  using Known = std::map<std::string, Addressed>;  // By key.

  [[nodiscard]] std::optional<Addressed> parse(const std::string& key, const std::string& text, std::uint64_t created,
                                               std::optional<std::chrono::seconds> ttl) const;
  void read(const Listing& listing);
  void changed(const Change& change);
  void tell_all(const Known& requests) const;

  const FollowedDirectory directory_;
  const Tell tell_;
  mutable internal::LocalMutex mutex_;
  Known known_ DEIMOS_GUARDED_BY(mutex_);
};

}  // namespace deimos

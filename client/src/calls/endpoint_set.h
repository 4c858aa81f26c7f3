// Which endpoint to ask next: in turn among those that work; one that failed is left out for a while, then tried again.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <deimos/internal/local_mutex.h>
#include <deimos/observer.h>
#include <deimos/runtime.h>

#include "calls/backoff.h"

namespace deimos {

/// Thread-safe. Calls nobody back: changes are returned, for the caller to report.
class EndpointSet {
 public:
  /// `seeds`: canonical URLs, at least one, none twice. They are never forgotten: when no member of the cluster works,
  /// they are asked.
  EndpointSet(Runtime& runtime, std::vector<std::string> seeds);

  /// The next one to ask that is not among `tried`. An empty string: every endpoint that is worth asking has been
  /// tried; pause, and begin again with an empty `tried`, for which there is always an answer.
  [[nodiscard]] std::string pick(const std::vector<std::string>& tried);

  /// True if it was down before.
  bool mark_up(const std::string& url);
  /// True if it was up before.
  bool mark_down(const std::string& url);

  /// Replaces the members; health is kept for those that stay. `urls` must not be empty.
  std::vector<EndpointChange> replace(const std::vector<std::string>& urls);
  /// The members.
  [[nodiscard]] std::vector<std::string> urls() const;

 private:
  struct Endpoint {
    std::string url;
    bool seed = false;
    bool member = false;
    bool down = false;
    TimePoint probe_at{};  ///< When down: leave it out until then.
    bool probed = false;   ///< When down: it has been picked since.
    Backoff backoff;
  };

  [[nodiscard]] Endpoint* find(const std::string& url) DEIMOS_REQUIRES(mutex_);
  static void start_probe(Endpoint& endpoint, TimePoint now);

  Runtime& runtime_;
  mutable internal::LocalMutex mutex_;
  std::vector<Endpoint> endpoints_ DEIMOS_GUARDED_BY(mutex_);
  std::size_t next_ DEIMOS_GUARDED_BY(mutex_) = 0;
};

}  // namespace deimos

// Which endpoint to ask next: in turn among those that work. One that fails is left out until a health check has found
// it back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <deimos/internal/local_mutex.h>
#include <deimos/observer.h>
#include <deimos/runtime.h>

#include "calls/backoff.h"

namespace deimos {

/// Which endpoint a call would rather ask, or not ask. URLs; empty: any.
struct EndpointWish {
  std::string prefer;  ///< Asked first if it works.
  std::string avoid;   ///< Asked only if no other works.
};

/// What one attempt says about its endpoint.
enum class Verdict {
  works,
  fails,
  timed_out,  ///< Too soon to blame it, unless it happens again and again.
  none,
};

/// Thread-safe. Calls nobody back: changes are returned, for the caller to report.
class EndpointSet {
 public:
  /// `seeds`: canonical URLs, at least one, none twice. They are never forgotten: when no member of the cluster works,
  /// they are asked. `patience`: an endpoint that lets calls wait for so long, and answers none, may hang.
  EndpointSet(Runtime& runtime, std::vector<std::string> seeds, Duration patience);

  struct Choice {
    std::string url;
    std::stop_token hung;  ///< Triggered by give_up() and close(): nothing will come of this attempt.
  };
  /// The next one to ask that is not among `tried`. No URL: every endpoint that is worth asking has been tried; pause,
  /// and begin again with an empty `tried`, for which there is always an answer.
  [[nodiscard]] Choice pick(const std::vector<std::string>& tried, const EndpointWish& wish = {});

  /// An attempt of which an answer can be expected soon begins …; when its endpoint is to be checked if none comes,
  /// never if there is no other.
  TimePoint begin(const std::string& url);
  /// … and ends.
  void end(const std::string& url);
  /// True if the endpoint was taken out of use, or put back.
  bool judge(const std::string& url, Verdict verdict);

  // Health checks: one at a time.

  struct Check {
    enum class Kind { is_it_back, does_it_hang };
    Kind kind = Kind::is_it_back;
    std::string url;
    TimePoint silent_since;  ///< If it may hang.
  };
  /// What is to be checked now; to be followed by judge().
  [[nodiscard]] std::optional<Check> next_check();
  /// When there will be something to check, unless an endpoint fails before. Some time after a call began even if it
  /// has been answered, so that whoever waits for this instant is not woken by each of many short calls; never after
  /// that.
  [[nodiscard]] TimePoint next_check_at() const;
  /// Another endpoint that has answered since then; failing that, one that works as far as is known; or none.
  struct Witness {
    std::string url;  ///< Empty: none.
    bool has_answered = false;
  };
  [[nodiscard]] Witness witness_against(const Check& check) const;
  /// Takes an endpoint that hangs out of use, unless it has answered since it was checked. Triggers
  /// Choice::hung of those who wait for it, under no mutex; false if it was out of use.
  bool give_up(const Check& check);
  /// Triggers Choice::hung of everybody, now and to come.
  void close() noexcept;

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
    std::uint64_t asked = 0;    ///< The number of the last pick.
    int timed_out = 0;          ///< In a row, as Verdict.
    std::size_t waiting = 0;    ///< Attempts under way.
    TimePoint silent_since{};   ///< When one of them began, or the last answer came.
    TimePoint checked_at{};     ///< When last checked for hanging.
    TimePoint probe_at{};       ///< When down: is it back?
    bool has_answered = false;  ///< Ever.
    TimePoint answered_at{};
    Backoff backoff;
    std::stop_source hung = std::stop_source();
  };

  [[nodiscard]] Endpoint* find(const std::string& url) DEIMOS_REQUIRES(mutex_);
  [[nodiscard]] TimePoint due(const Endpoint& endpoint) const DEIMOS_REQUIRES(mutex_);
  bool take_out(Endpoint& endpoint, TimePoint now) DEIMOS_REQUIRES(mutex_);

  Runtime& runtime_;
  const Duration patience_;
  mutable internal::LocalMutex mutex_;
  std::vector<Endpoint> endpoints_ DEIMOS_GUARDED_BY(mutex_);
  std::size_t next_ DEIMOS_GUARDED_BY(mutex_) = 0;
  std::uint64_t picks_ DEIMOS_GUARDED_BY(mutex_) = 0;
  TimePoint begun_at_ DEIMOS_GUARDED_BY(mutex_);  ///< The last attempt, at any endpoint.
};

}  // namespace deimos

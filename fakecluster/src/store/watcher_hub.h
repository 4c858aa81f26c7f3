// Who waits for which events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <deimos/fake/event.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

/// What a watcher wants to be told.
struct DEIMOS_EXPORT Watch {
  std::string key;
  bool recursive = false;   ///< Also of what is below key, but for names that begin with `_`.
  bool stream = false;      ///< Of every event, not only of the first.
  std::uint64_t since = 0;  ///< Events before this index are not told.

  /// Whether a live watcher is told of `event`, whatever its index: it is of the key, of something below it that is not
  /// hidden if recursive, or took a directory above it away.
  [[nodiscard]] bool covers(const Event& event) const noexcept;
  /// Whether one that asks the history is: hidden names are no exception, and what happened above is not told.
  [[nodiscard]] bool covers_past(const Event& event) const noexcept;
};

/// Names a registered watcher; never 0, never used twice.
using WatcherId = std::uint64_t;

/// Takes events to watchers.
class DEIMOS_EXPORT EventSink {
 public:
  virtual ~EventSink() = default;
  /// Returns false if the watcher cannot take the event: it is then dropped. Must not call the store.
  virtual bool deliver(WatcherId watcher, const Event& event) = 0;
  /// Told of every event, watched or not, before it is delivered. Must not call the store.
  virtual void made(const Event& /*event*/) {}
};

class DEIMOS_EXPORT WatcherHub {
 public:
  /// `forgetful`: whenever a watcher is removed, all others of its key are too, without a word.
  /// `removal_streams_twice`: see StoreRules.
  explicit WatcherHub(bool forgetful = false, bool removal_streams_twice = false) noexcept
      : forgetful_(forgetful), removal_streams_twice_(removal_streams_twice) {}

  WatcherId add(Watch watch);
  /// Unknown watchers are ignored.
  void remove(WatcherId watcher);
  /// Tells every watcher that `event` is of interest to; of the removal of a directory, those of keys below it of which
  /// `tells_below` says so. In an order that depends on nothing but the calls made so far;
  /// one that does not stream is then removed.
  void notify(const Event& event, EventSink& sink, const std::function<bool(const std::string& key)>& tells_below);
  /// Forgets every watcher without a word.
  void clear() noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }
  [[nodiscard]] bool has(WatcherId watcher) const noexcept { return keys_.contains(watcher); }

 private:
  /// Ten thousand of one key may go at once, so no going may look at all of them.
  using Watchers = std::map<WatcherId, Watch>;
  using ByKey = std::map<std::string, Watchers, std::less<>>;

  ByKey::iterator forget_at(ByKey::iterator place);
  ByKey::iterator notify_at(ByKey::iterator place, const Event& event, EventSink& sink);

  bool forgetful_;
  bool removal_streams_twice_;
  ByKey watchers_;
  std::map<WatcherId, std::string> keys_;
  WatcherId last_id_ = 0;
};

}  // namespace deimos::fake

// The watches whose answers are still open: who gets an event, and when each has waited long enough.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <deimos/fake/request_handler.h>
#include "store/watcher_hub.h"

namespace deimos::fake {

/// Takes the store's events to those who asked for them, as text.
class OpenWatches final : public EventSink {
 public:
  explicit OpenWatches(std::size_t backlog_limit) noexcept : backlog_limit_(backlog_limit) {}

  void add(WatcherId watcher, std::shared_ptr<Reply> reply, std::string key, bool stream, Instant deadline);
  /// Without a word to the reply. Returns whether the watcher was known.
  bool remove(WatcherId watcher);
  /// Sends the event's text; ends the body if the watch wanted one event only, or is too slow for this one.
  bool deliver(WatcherId watcher, const Event& event) override;
  /// The earliest deadline and its watcher; Instant::max() and 0 if there is none.
  [[nodiscard]] std::pair<Instant, WatcherId> first_deadline() const noexcept;
  /// Ends the body of that watch.
  void end(WatcherId watcher);
  /// Ends every body.
  void end_all();
  /// Breaks every connection.
  void break_all();
  [[nodiscard]] std::size_t size() const noexcept { return open_.size(); }
  /// Those whose key `wanted` accepts, oldest first.
  [[nodiscard]] std::vector<WatcherId> of(const std::function<bool(const std::string& key)>& wanted) const;

 private:
  struct Open {
    std::shared_ptr<Reply> reply;
    std::string key;
    bool stream;
    Instant deadline;
  };

  std::size_t backlog_limit_;
  std::map<WatcherId, Open> open_;
  std::set<std::pair<Instant, WatcherId>> deadlines_;
  // The last event's text, for when many wait for one event.
  std::shared_ptr<const std::string> text_;
  std::uint64_t text_index_ = 0;
};

}  // namespace deimos::fake

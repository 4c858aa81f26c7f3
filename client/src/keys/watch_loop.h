// The loop behind both forms of a watch: one bounded poll after the other, always from the index after the last event.
//
// A node may forget a watcher when another of the same key goes, so a poll that follows an event is short, and each one
// that hears nothing is followed by one twice as long. A store says nothing when it has begun anew, nor when a
// directory above the key went between two polls, so a poll that heard nothing for some time is followed by a reading.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <deimos/watch_options.h>

#include "calls/backoff.h"
#include "calls/caller.h"

namespace deimos {

/// To be used by one task at a time.
class WatchLoop {
 public:
  WatchLoop(std::shared_ptr<Caller> caller, std::string_view key, WatchOptions options);

  /// If no index is given, learns what "now" is. Failing that, next() goes on trying.
  void start(const std::stop_token& stop);
  /// Blocks for the next event; none once there is an error().
  [[nodiscard]] std::optional<Event> next(const std::stop_token& stop);

  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }
  [[nodiscard]] std::uint64_t next_index() const noexcept { return next_; }
  [[nodiscard]] const WatchOptions& options() const noexcept { return options_; }

 private:
  [[nodiscard]] std::optional<Event> poll(const std::stop_token& stop);
  /// Passes on an event, unless it is of a hidden name or was handed out before.
  [[nodiscard]] std::optional<Event> take(Event event, const std::stop_token& stop);
  void heard_nothing(Duration asked_for, TimePoint asked, const std::stop_token& stop);
  void learn_now(const std::stop_token& stop);
  void bridge_gap(const std::stop_token& stop);
  /// Looks whether something has happened that no poll tells.
  void look(const std::stop_token& stop);
  void report_gap(Gap gap);
  [[nodiscard]] Duration longest_poll() const;
  /// Ends the watch, or pauses before the next try.
  void failed(Error error, const std::stop_token& stop);
  void pause(const std::stop_token& stop);

  std::shared_ptr<Caller> caller_;
  std::string key_;
  WatchOptions options_;
  std::uint64_t next_;  ///< The next event has this index or a greater one; 0: not known yet.
  Backoff backoff_;
  std::optional<Duration> poll_length_;  ///< Of the next poll; none: the longest.
  EndpointWish wish_;                    ///< The endpoint that answered last, or the one that failed.
  std::optional<bool> exists_;           ///< The watched key, as far as is known.
  bool in_doubt_ = false;                ///< A reading did not fit what was heard; one more, and that is certain.
  bool heard_ = false;                   ///< The store has answered at least once.
  int strange_answers_ = 0;
  std::optional<Error> error_;
};

}  // namespace deimos

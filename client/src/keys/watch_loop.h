// The loop behind both forms of a watch: one bounded poll after the other, always from the index after the last event.
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
  void learn_now(const std::stop_token& stop);
  void bridge_gap(const std::stop_token& stop);
  /// Ends the watch, or pauses before the next try.
  void failed(Error error, const std::stop_token& stop);
  void pause(const std::stop_token& stop);

  std::shared_ptr<Caller> caller_;
  std::string key_;
  WatchOptions options_;
  std::uint64_t next_;  ///< The next event has this index or a greater one; 0: not known yet.
  Backoff backoff_;
  bool heard_ = false;  ///< The store has answered at least once.
  int strange_answers_ = 0;
  std::optional<Error> error_;
};

}  // namespace deimos

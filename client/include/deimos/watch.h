// Watching a key or a tree: every event once, in order, for as long as wanted.
//
// A watch asks in bounded long polls, always from the index after the last event it handed out; so time-outs, lost
// connections, a change of endpoint and a server that forgot the watcher neither lose an event nor repeat one. (A real
// node forgets watchers of a key when another watcher of it goes, so after an event polls last 250 ms, then 500 ms, …,
// up to the longest.) If the store's history (1000 events) has been overtaken, it reads the state, says so
// (WatchOptions::on_gap) and goes on from there; so it does if a reading now and then shows that the key is gone or the
// store has begun anew, of which no poll tells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include <deimos/error.h>
#include <deimos/internal/export.h>
#include <deimos/node.h>
#include <deimos/runtime.h>
#include <deimos/watch_options.h>

namespace deimos {

/// An input range of events: `for (const Event& event : client.watch("/config", {.recursive = true})) …`.
/// Ends when its stop_token is triggered, the client is closed, or at an error that asking again cannot heal; then
/// error() says why. To be used by one task at a time; request the stop from anywhere.
class DEIMOS_EXPORT Watch {
 public:
  class iterator;

  Watch(Watch&&) noexcept;
  Watch& operator=(Watch&&) noexcept;
  ~Watch();

  /// Blocks for the next event; none at the end.
  [[nodiscard]] std::optional<Event> next();
  /// Why it ended: errc::cancelled, closed, invalid_key, invalid_argument, … None while it goes on.
  [[nodiscard]] const std::optional<Error>& error() const noexcept;
  /// The index from which the next poll asks: give it as from_index to go on later. 0 until the first answer.
  [[nodiscard]] std::uint64_t next_index() const noexcept;

  /// Blocks for the first event.
  [[nodiscard]] iterator begin();
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  friend class Client;
  struct State;
  explicit Watch(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class DEIMOS_EXPORT Watch::iterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = Event;
  using difference_type = std::ptrdiff_t;

  explicit iterator(Watch& watch) : watch_(&watch), current_(watch.next()) {}
  const Event& operator*() const noexcept { return *current_; }
  const Event* operator->() const noexcept { return &*current_; }
  iterator& operator++() {
    current_ = watch_->next();
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const iterator& position, std::default_sentinel_t) noexcept { return !position.current_; }

 private:
  Watch* watch_;
  std::optional<Event> current_;
};

inline Watch::iterator Watch::begin() { return iterator(*this); }

/// A watch that calls back from a task of the runtime, until this handle is destroyed. The destructor waits for a
/// callback that runs (and for nothing else); it may be called from within the callback itself. No callback runs after
/// it.
class DEIMOS_EXPORT Subscription {
 public:
  Subscription() noexcept;
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&&) noexcept;
  ~Subscription();

  /// Ends the watch without waiting.
  void request_stop() noexcept;

 private:
  friend class Client;
  explicit Subscription(std::unique_ptr<Task> task) noexcept;
  std::unique_ptr<Task> task_;
};

}  // namespace deimos

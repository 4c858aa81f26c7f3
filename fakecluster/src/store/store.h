// The store of one Deimos node as a pure state machine: commands and instants go in, events and errors come out. No
// clock, no thread, no lock, no text format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include <deimos/error.h>
#include <deimos/fake/command.h>
#include <deimos/fake/data.h>
#include <deimos/fake/event.h>
#include <deimos/internal/export.h>
#include "store/history.h"
#include "store/store_rules.h"
#include "store/tree.h"
#include "store/watcher_hub.h"

namespace deimos::fake {

/// Why the store refused. Nothing has changed then.
struct StoreError {
  errc code = errc::key_not_found;  ///< One of 100 to 108, or 401.
  std::string cause;                ///< The path at fault, or what was compared with what.
  std::uint64_t index = 0;          ///< The store's index.
};

/// What a GET sees. Holds until the store's next change.
struct Listing {
  struct Item {
    const Tree::Entry* entry;
    std::size_t depth;  ///< 1 for a child of the key asked for.
  };
  const Tree::Entry* entry = nullptr;
  /// What is below, each directory directly followed by what it holds; hidden names left out.
  std::vector<Item> below;
};

/// Deterministic: what it answers depends on the calls made, and on nothing else. A value: a copy is another replica,
/// with the same watchers and history; one restarted from a snapshot is a copy after forget_watchers() and
/// wipe_history(). Not thread-safe.
class DEIMOS_EXPORT Store {
 public:
  static constexpr std::size_t deimos_history_capacity = 1000;

  /// `forgetful_hub`: see WatcherHub.
  explicit Store(std::size_t history_capacity = deimos_history_capacity, bool forgetful_hub = false,
                 const StoreRules& rules = {})
      : rules_(rules), history_(history_capacity, rules), hub_(forgetful_hub, rules.removal_streams_twice) {}

  /// Applies `command`. `now` is the applying node's clock; it decides nothing but the `ttl` that the events show.
  /// Every event goes to the watchers it concerns by way of `sink`. Returns the event, which holds until the next call;
  /// nullptr for a sweep, which makes none or many.
  tl::expected<const Event*, StoreError> apply(Command command, Instant now, EventSink& sink);

  /// A change of something that is not among the keys: takes an index, and tells nobody.
  void skip_index();

  /// `key`, and for a directory what it holds: one level, or everything if `recursive`; in the order in which it was
  /// made, or by name if `sorted`.
  [[nodiscard]] tl::expected<Listing, StoreError> get(std::string_view key, bool recursive, bool sorted) const;

  /// The first event from index `watch.since` on that the history holds for `watch`; of no event if it is still to
  /// come. Error 401 if the history no longer reaches back that far.
  [[nodiscard]] tl::expected<PastEvent, StoreError> past(const Watch& watch) const;
  /// Registers a watcher for events to come.
  WatcherId watch(Watch watch) { return hub_.add(std::move(watch)); }
  void unwatch(WatcherId watcher) { hub_.remove(watcher); }

  /// Counts every change; 0 at first.
  [[nodiscard]] std::uint64_t index() const noexcept { return index_; }
  /// Files and directories, hidden ones and the root too.
  [[nodiscard]] std::size_t size() const noexcept { return tree_.size(); }
  [[nodiscard]] std::size_t watchers() const noexcept { return hub_.size(); }
  /// Whether that one is registered.
  [[nodiscard]] bool watches(WatcherId watcher) const noexcept { return hub_.has(watcher); }
  /// When the next key expires; Instant::max() if none does.
  [[nodiscard]] Instant next_expiration() const noexcept;

  /// Everything but the cluster's own records; each `ttl` as of `now`.
  [[nodiscard]] Data dump(Instant now, bool indexes) const;
  /// Replaces all that; each `ttl` counts from `now`. `data` must have passed validate(), and if it has an index, that
  /// is not behind this store's. Each entry is a change of its own if it has no index. Nobody is told, and watchers of
  /// the past get error 401.
  void load(const Data& data, Instant now);

  /// A fault: watchers of the past get error 401.
  void wipe_history() noexcept { history_.wipe(); }
  /// A fault: every watcher is forgotten, without a word to it.
  void forget_watchers() noexcept { hub_.clear(); }

 private:
  using Id = Tree::Id;
  using Outcome = tl::expected<const Event*, StoreError>;

  Outcome make(Command& command, Instant now, EventSink& sink);
  [[nodiscard]] Outcome keep_value(Command& command) const;
  Outcome update(Command& command, Instant now, EventSink& sink);
  Outcome remove(Command& command, Instant now, EventSink& sink);
  Outcome expire(const Command& command, Instant now, EventSink& sink);
  void sweep(Instant until, Instant now, EventSink& sink);

  [[nodiscard]] tl::expected<Id, StoreError> find(std::string_view key) const;
  tl::expected<Id, StoreError> make_directories(std::string_view key, std::uint64_t index);
  [[nodiscard]] tl::expected<Id, StoreError> find_to_compare(const Command& command) const;
  [[nodiscard]] tl::unexpected<StoreError> refuse(errc code, std::string_view cause) const;
  const Event& expire_entry(Id id, std::string key, Instant now, EventSink& sink);
  const Event& publish(Event&& event, EventSink& sink);

  StoreRules rules_;
  Tree tree_;
  History history_;
  WatcherHub hub_;
  std::uint64_t index_ = 0;
};

}  // namespace deimos::fake

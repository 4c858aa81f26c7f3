// What a Store should do, written as plainly as can be: a map from path to what is there, a list of all events ever,
// and every rule spelled out over whole paths. Slow, and right by inspection.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"

namespace deimos::fake {

class ModelStore {
 public:
  struct Entry {
    bool directory = false;
    std::string value;
    std::optional<Instant> expiration;
    std::uint64_t expiration_set_at = 0;  ///< The index of the change that did.
    std::uint64_t created = 0;
    std::uint64_t modified = 0;
  };

  /// The events made, or why none was.
  tl::expected<std::vector<Event>, StoreError> apply(const Command& command, Instant now);
  /// The error that a GET of `key` meets, if any.
  [[nodiscard]] std::optional<StoreError> missing(const std::string& key) const;
  /// What a GET lists below `key`, sorted.
  [[nodiscard]] std::vector<std::string> listed(const std::string& key, bool recursive) const;

  [[nodiscard]] const std::map<std::string, Entry>& entries() const noexcept { return entries_; }
  [[nodiscard]] const std::vector<Event>& events() const noexcept { return events_; }
  [[nodiscard]] std::uint64_t index() const noexcept { return events_.size(); }
  [[nodiscard]] Instant next_expiration() const;

 private:
  [[nodiscard]] std::optional<StoreError> refusal(const Command& command, const std::string& key) const;
  [[nodiscard]] std::optional<StoreError> file_above(const std::string& key) const;
  [[nodiscard]] std::string comparison(const Command& command, const Entry& entry) const;
  Event change(const Command& command, const std::string& key, Instant now);
  Event expire(const std::string& key, Instant now);
  void erase_with_all_below(const std::string& key);

  std::map<std::string, Entry> entries_{{"/", {.directory = true, .value = {}, .expiration = {}}}};
  std::vector<Event> events_;
};

/// Whether a watcher of `key` is told of `event`, once its index is reached.
[[nodiscard]] bool model_covers(const Watch& watch, const Event& event);

/// Whether a watcher of `key` that asks the history is.
[[nodiscard]] bool model_covers_past(const Watch& watch, const Event& event);
/// What the `at`th of all `events`, from 0, says of its key's expiry when it is told from the history.
[[nodiscard]] std::optional<Instant> model_expiration(const std::vector<Event>& events, std::size_t at);

/// Everything that an event says, for comparing and for reading.
[[nodiscard]] std::string describe(const Event& event);
[[nodiscard]] std::string describe(const Command& command);

}  // namespace deimos::fake

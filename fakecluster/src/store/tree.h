// Files and directories: where they are, and which of them expires next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <deimos/fake/clock.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

/// A file system without indices, events or errors; Store gives it those. A value: a copy is a snapshot.
///
/// Entries are named by their place in one pool, not by pointers: so a tree copies by itself, and finding a key costs
/// one hash look-up a segment whatever the number of keys.
class DEIMOS_EXPORT Tree {
 public:
  using Id = std::uint32_t;
  static constexpr Id root = 0;
  static constexpr Id none = ~Id{0};

  struct Entry {
    std::string name;  ///< The last segment of its key; empty for the root.
    std::string value;
    std::uint64_t created_index = 0;
    std::uint64_t modified_index = 0;
    std::optional<Instant> expiration;  ///< Changed by set_expiration() only.
    std::uint64_t expiration_order = 0;
    Id parent = none;
    Id first_child = none;
    Id last_child = none;
    Id previous_sibling = none;
    Id next_sibling = none;
    std::uint32_t hash = 0;
    bool directory = false;

    /// Left out of listings and of recursive watches.
    [[nodiscard]] bool hidden() const noexcept { return name.starts_with('_'); }
  };

  Tree();

  [[nodiscard]] const Entry& operator[](Id id) const noexcept { return entries_[id]; }
  [[nodiscard]] Entry& operator[](Id id) noexcept { return entries_[id]; }
  /// The child of that name, or none.
  [[nodiscard]] Id child(Id directory, std::string_view name) const noexcept;
  /// A new entry, the last child of `directory`, which must have no child of that name.
  Id add(Id directory, std::string_view name, bool is_directory, std::uint64_t index);
  /// Takes the entry away with all that is below it. Not for the root.
  void remove(Id id);
  void set_expiration(Id id, std::optional<Instant> expiration);
  /// The entry that expires first (of several at one instant, the one whose expiration was set first); none if nothing
  /// expires.
  [[nodiscard]] Id first_to_expire() const noexcept;
  [[nodiscard]] std::string key_of(Id id) const;
  /// Files and directories, the root too.
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size() - free_.size(); }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    Id id = none;
  };

  void link(Id id);
  void unlink(Id id) noexcept;
  void erase_slot(Id id) noexcept;
  void grow_slots();

  std::deque<Entry> entries_;
  std::vector<Id> free_;
  std::vector<Slot> slots_;  // Open addressing with linear probing; a power of two, never more than 3/4 full.
  std::map<std::pair<Instant, std::uint64_t>, Id> expirations_;
  std::uint64_t last_expiration_order_ = 0;
};

}  // namespace deimos::fake

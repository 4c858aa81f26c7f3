#include "store/tree.h"

#include <functional>

#include <deimos/internal/assert.h>

namespace deimos::fake {
namespace {

std::uint32_t hash_of(Tree::Id directory, std::string_view name) noexcept {
  const std::uint64_t mixed = (std::hash<std::string_view>{}(name) ^ directory) * 0x9e3779b97f4a7c15U;
  return static_cast<std::uint32_t>(mixed >> 32U);
}

}  // namespace

Tree::Tree() : slots_(16) { entries_.emplace_back().directory = true; }

Tree::Id Tree::child(Id directory, std::string_view name) const noexcept {
  const std::uint32_t hash = hash_of(directory, name);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t place = hash & mask; slots_[place].id != none; place = (place + 1) & mask) {
    if (slots_[place].hash != hash) continue;
    const Entry& entry = entries_[slots_[place].id];
    if (entry.parent == directory && entry.name == name) return slots_[place].id;
  }
  return none;
}

Tree::Id Tree::add(Id directory, std::string_view name, bool is_directory, std::uint64_t index) {
  if (size() * 4 >= slots_.size() * 3) grow_slots();
  Id id = 0;
  if (free_.empty()) {
    id = static_cast<Id>(entries_.size());
    entries_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  Entry& entry = entries_[id];
  entry.name = name;
  entry.directory = is_directory;
  entry.created_index = entry.modified_index = index;
  entry.parent = directory;
  entry.hash = hash_of(directory, name);
  link(id);
  return id;
}

void Tree::link(Id id) {
  Entry& entry = entries_[id];
  Entry& directory = entries_[entry.parent];
  entry.previous_sibling = directory.last_child;
  (directory.last_child == none ? directory.first_child : entries_[directory.last_child].next_sibling) = id;
  directory.last_child = id;

  const std::size_t mask = slots_.size() - 1;
  std::size_t place = entry.hash & mask;
  while (slots_[place].id != none) place = (place + 1) & mask;
  slots_[place] = {entry.hash, id};
}

void Tree::remove(Id id) {
  // Depth first without recursion: a tree can be as deep as a key is long.
  for (Id at = id;;) {
    while (entries_[at].first_child != none) at = entries_[at].first_child;
    const Id parent = entries_[at].parent;
    set_expiration(at, std::nullopt);
    unlink(at);
    entries_[at] = Entry{};
    free_.push_back(at);
    if (at == id) return;
    at = parent;
  }
}

void Tree::unlink(Id id) noexcept {
  const Entry& entry = entries_[id];
  Entry& directory = entries_[entry.parent];
  (entry.previous_sibling == none ? directory.first_child : entries_[entry.previous_sibling].next_sibling) =
      entry.next_sibling;
  (entry.next_sibling == none ? directory.last_child : entries_[entry.next_sibling].previous_sibling) =
      entry.previous_sibling;
  erase_slot(id);
}

void Tree::erase_slot(Id id) noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t hole = entries_[id].hash & mask;
  while (slots_[hole].id != id) hole = (hole + 1) & mask;
  // Moves up what would no longer be found past the hole.
  for (std::size_t next = (hole + 1) & mask; slots_[next].id != none; next = (next + 1) & mask) {
    const std::size_t home = slots_[next].hash & mask;
    if (((next - home) & mask) >= ((next - hole) & mask)) {
      slots_[hole] = slots_[next];
      hole = next;
    }
  }
  slots_[hole] = {};
}

void Tree::grow_slots() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.id == none) continue;
    std::size_t place = slot.hash & mask;
    while (slots_[place].id != none) place = (place + 1) & mask;
    slots_[place] = slot;
  }
}

void Tree::set_expiration(Id id, std::optional<Instant> expiration) {
  Entry& entry = entries_[id];
  if (entry.expiration) {
    const auto erased = expirations_.erase({*entry.expiration, entry.expiration_order});
    DEIMOS_ASSERT(erased == 1, "the index of expirations has what the tree has");
  }
  entry.expiration = expiration;
  if (!expiration) return;
  entry.expiration_order = ++last_expiration_order_;
  expirations_.emplace(std::pair{*expiration, entry.expiration_order}, id);
}

Tree::Id Tree::first_to_expire() const noexcept {
  if (expirations_.empty()) return none;
  const auto& [order, id] = *expirations_.begin();
  DEIMOS_ASSERT(entries_[id].expiration == order.first, "the tree has what the index of expirations has");
  return id;
}

std::string Tree::key_of(Id id) const {
  if (id == root) return "/";
  std::size_t length = 0;
  for (Id at = id; at != root; at = entries_[at].parent) length += 1 + entries_[at].name.size();
  std::string key(length, '/');
  for (Id at = id; at != root; at = entries_[at].parent) {
    length -= entries_[at].name.size();
    key.replace(length, entries_[at].name.size(), entries_[at].name);
    --length;
  }
  return key;
}

}  // namespace deimos::fake

#include "store/model_store.h"

#include <algorithm>

namespace deimos::fake {
namespace {

using Kind = Command::Kind;

/// "/a/b/c" into "/a", "/a/b", "/a/b/c"; nothing for the root.
std::vector<std::string> steps(const std::string& key) {
  std::vector<std::string> found;
  for (std::size_t at = 1; at < key.size(); ++at) {
    if (key[at] == '/') found.push_back(key.substr(0, at));
  }
  if (key != "/") found.push_back(key);
  return found;
}

bool is_below(const std::string& key, const std::string& directory) {
  return key != directory && key.starts_with(directory == "/" ? "/" : directory + "/");
}

std::string rest_below(const std::string& key, const std::string& directory) {
  return directory == "/" ? key : key.substr(directory.size());
}

Image image(const ModelStore::Entry& entry) {
  Image made;
  if (!entry.directory) made.value = entry.value;
  made.directory = entry.directory;
  made.expiration = entry.expiration;
  made.modified_index = entry.modified;
  made.created_index = entry.created;
  return made;
}

std::string describe(const Image& image) {
  std::string text = image.value ? "'" + *image.value + "'" : "-";
  if (image.directory) text += " dir";
  if (image.expiration) text += " until " + std::to_string(image.expiration->time_since_epoch().count());
  return text + " modified " + std::to_string(image.modified_index) + " created " + std::to_string(image.created_index);
}

}  // namespace

tl::expected<std::vector<Event>, StoreError> ModelStore::apply(const Command& command, Instant now) {
  std::vector<Event> made;
  if (command.kind == Kind::sweep) {
    while (next_expiration() <= command.sweep_until && next_expiration() != Instant::max()) {
      const auto first = std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
        const auto rank = [](const Entry& entry) {
          return std::pair(entry.expiration.value_or(Instant::max()), entry.expiration_set_at);
        };
        return rank(a.second) < rank(b.second);
      });
      made.push_back(expire(std::string(first->first), now));
    }
    return made;
  }
  std::string key = command.key;
  if (command.kind == Kind::create_in_order) key = (key == "/" ? "" : key) + "/" + std::to_string(index() + 1);
  if (const auto refused = refusal(command, key)) return tl::unexpected(*refused);
  made.push_back(command.kind == Kind::expire ? expire(key, now) : change(command, key, now));
  return made;
}

std::optional<StoreError> ModelStore::missing(const std::string& key) const {
  for (const std::string& step : steps(key)) {
    const auto found = entries_.find(step);
    if (found == entries_.end()) return StoreError{errc::key_not_found, step, index()};
    if (step != key && !found->second.directory) return StoreError{errc::not_a_directory, step, index()};
  }
  return std::nullopt;
}

std::optional<StoreError> ModelStore::file_above(const std::string& key) const {
  for (const std::string& step : steps(key)) {
    const auto found = entries_.find(step);
    if (step != key && found != entries_.end() && !found->second.directory) {
      return StoreError{errc::not_a_directory, step, index()};
    }
  }
  return std::nullopt;
}

std::string ModelStore::comparison(const Command& command, const Entry& entry) const {
  std::string cause;
  if (!command.previous_value.empty() && command.previous_value != entry.value) {
    cause = "[" + command.previous_value + " != " + entry.value + "]";
  }
  if (command.previous_index != 0 && command.previous_index != entry.modified) {
    cause += (cause.empty() ? "[" : " [") + std::to_string(command.previous_index) +
             " != " + std::to_string(entry.modified) + "]";
  }
  return cause;
}

std::optional<StoreError> ModelStore::refusal(const Command& command, const std::string& key) const {
  if (key == "/" && command.kind != Kind::compare_and_delete) return StoreError{errc::root_is_read_only, "/", index()};
  const bool makes = command.kind == Kind::set || command.kind == Kind::create || command.kind == Kind::create_in_order;
  if (const auto refused = makes ? file_above(key) : missing(key)) return refused;

  const auto found = entries_.find(key);
  const bool is_directory = found != entries_.end() && found->second.directory;
  switch (command.kind) {
    case Kind::set:
      if (is_directory) return StoreError{errc::not_a_file, key, index()};
      break;
    case Kind::create:
    case Kind::create_in_order:
      if (found != entries_.end()) return StoreError{errc::key_already_exists, key, index()};
      break;
    case Kind::update:
      if (is_directory && !command.value.empty()) return StoreError{errc::not_a_file, key, index()};
      break;
    case Kind::compare_and_swap:
    case Kind::compare_and_delete:
      if (is_directory) return StoreError{errc::not_a_file, key, index()};
      if (const auto cause = comparison(command, found->second); !cause.empty()) {
        return StoreError{errc::compare_failed, cause, index()};
      }
      break;
    case Kind::remove: {
      if (!is_directory || command.recursive) break;
      if (!command.directory) return StoreError{errc::not_a_file, key, index()};
      const bool empty =
          std::none_of(entries_.begin(), entries_.end(), [&](const auto& entry) { return is_below(entry.first, key); });
      if (!empty) return StoreError{errc::directory_not_empty, key, index()};
      break;
    }
    case Kind::expire:
    case Kind::sweep: break;
  }
  return std::nullopt;
}

Event ModelStore::change(const Command& command, const std::string& key, Instant now) {
  Event event;
  event.key = key;
  event.index = index() + 1;
  event.at = now;
  const auto before = entries_.find(key);
  if (before != entries_.end()) event.previous = image(before->second);
  if (command.kind == Kind::remove || command.kind == Kind::compare_and_delete) {
    event.action = command.kind == Kind::remove ? Action::remove : Action::compare_and_delete;
    event.node.directory = before->second.directory;
    event.node.modified_index = event.index;
    event.node.created_index = before->second.created;
    erase_with_all_below(key);
    return events_.emplace_back(event);
  }
  const bool keeps = command.kind == Kind::update || command.kind == Kind::compare_and_swap;
  for (const std::string& step : steps(key)) {
    if (step != key && !entries_.contains(step)) {
      entries_[step] = {
          .directory = true, .value = {}, .expiration = {}, .created = event.index, .modified = event.index};
    }
  }
  Entry& entry = entries_[key];
  if (!keeps) entry = {.directory = command.directory, .value = {}, .expiration = {}, .created = event.index};
  if (!entry.directory) entry.value = command.value;
  if (!entry.directory || !keeps) entry.modified = event.index;
  entry.expiration = command.expiration;
  entry.expiration_set_at = event.index;

  event.action = command.kind == Kind::set      ? Action::set
                 : command.kind == Kind::update ? Action::update
                 : keeps                        ? Action::compare_and_swap
                                                : Action::create;
  event.node = image(entry);
  event.node.modified_index = event.index;  // Of a directory too, whose own index an update leaves as it was.
  return events_.emplace_back(event);
}

Event ModelStore::expire(const std::string& key, Instant now) {
  Event event;
  event.action = Action::expire;
  event.key = key;
  event.index = index() + 1;
  event.at = now;
  event.previous = image(entries_.at(key));
  event.node.modified_index = event.index;
  event.node.created_index = entries_.at(key).created;
  erase_with_all_below(key);
  return events_.emplace_back(event);
}

void ModelStore::erase_with_all_below(const std::string& key) {
  std::erase_if(entries_, [&](const auto& entry) { return entry.first == key || is_below(entry.first, key); });
}

std::vector<std::string> ModelStore::listed(const std::string& key, bool recursive) const {
  std::vector<std::string> keys;
  for (const auto& [other, entry] : entries_) {
    if (!is_below(other, key)) continue;
    const std::string rest = rest_below(other, key);
    if (rest.find("/_") != std::string::npos) continue;
    if (recursive || rest.find('/', 1) == std::string::npos) keys.push_back(other);
  }
  return keys;
}

Instant ModelStore::next_expiration() const {
  Instant next = Instant::max();
  for (const auto& [key, entry] : entries_) next = std::min(next, entry.expiration.value_or(Instant::max()));
  return next;
}

bool model_covers(const Watch& watch, const Event& event) {
  if (event.key == watch.key) return true;
  if (watch.recursive && is_below(event.key, watch.key) &&
      rest_below(event.key, watch.key).find("/_") == std::string::npos) {
    return true;
  }
  const bool gone = event.action == Action::remove || event.action == Action::expire;
  return gone && event.previous->directory && is_below(watch.key, event.key);
}

bool model_covers_past(const Watch& watch, const Event& event) {
  return event.key == watch.key || (watch.recursive && is_below(event.key, watch.key));
}

std::optional<Instant> model_expiration(const std::vector<Event>& events, std::size_t at) {
  std::optional<Instant> expiration = events[at].node.expiration;
  if (!expiration) return expiration;
  // Until the key goes, or is made anew, its lease is what the last write says.
  for (std::size_t later = at + 1; later < events.size(); ++later) {
    const Event& event = events[later];
    const bool gone =
        event.action == Action::remove || event.action == Action::compare_and_delete || event.action == Action::expire;
    if (gone && (event.key == events[at].key || is_below(events[at].key, event.key))) break;
    if (event.key != events[at].key) continue;
    if (event.node.created_index == event.index) break;
    expiration = event.node.expiration.value_or(Instant::min());
  }
  return expiration;
}

std::string describe(const Event& event) {
  std::string text = std::to_string(event.index) + " " + std::string(to_string(event.action)) + " " + event.key +
                     " at " + std::to_string(event.at.time_since_epoch().count()) + ": " + describe(event.node);
  if (event.previous) text += ", before: " + describe(*event.previous);
  return text;
}

std::string describe(const Command& command) {
  static constexpr std::string_view names[] = {
      "set",   "create", "create_in_order", "update", "compare_and_swap", "remove", "compare_and_delete",
      "sweep", "expire"};
  std::string text =
      std::string(names[static_cast<std::size_t>(command.kind)]) + " " + command.key + " '" + command.value + "'";
  if (command.directory) text += " directory";
  if (command.recursive) text += " recursive";
  if (command.expiration) text += " until " + std::to_string(command.expiration->time_since_epoch().count());
  if (!command.previous_value.empty()) text += " if '" + command.previous_value + "'";
  if (command.previous_index != 0) text += " if index " + std::to_string(command.previous_index);
  if (command.kind == Kind::sweep) text += std::to_string(command.sweep_until.time_since_epoch().count());
  return text;
}

}  // namespace deimos::fake

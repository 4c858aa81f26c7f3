#include "store/store.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace deimos::fake {
namespace {

using Kind = Command::Kind;

/// Takes the first segment off `path`, which is empty or starts with a slash.
std::string_view take_segment(std::string_view& path) noexcept {
  const std::size_t end = std::min(path.find('/', 1), path.size());
  const std::string_view segment = path.substr(1, end - 1);
  path.remove_prefix(end);
  return segment;
}

/// "/a/b" into "/a" and "b", "/a" into "" and "a".
std::pair<std::string_view, std::string_view> split_last(std::string_view key) noexcept {
  const std::size_t slash = key.rfind('/');
  return {key.substr(0, slash), key.substr(slash + 1)};
}

/// What `entry` is, but for a value that is about to be replaced: that is taken.
Image image_taking_value(Tree::Entry& entry) {
  Image image;
  if (!entry.directory) image.value = std::move(entry.value);
  image.directory = entry.directory;
  image.expiration = entry.expiration;
  image.modified_index = entry.modified_index;
  image.created_index = entry.created_index;
  return image;
}

/// The name of a child made in order.
std::string in_order_name(std::uint64_t index, std::size_t digits) {
  const std::string number = std::to_string(index);
  return std::string(digits - std::min(digits, number.size()), '0') + number;
}

std::string compared(std::string_view given, std::string_view actual) {
  return std::string("[").append(given).append(" != ").append(actual).append("]");
}

}  // namespace

tl::expected<const Event*, StoreError> Store::apply(Command command, Instant now, EventSink& sink) {
  switch (command.kind) {
    case Kind::set:
    case Kind::create:
    case Kind::create_in_order: return make(command, now, sink);
    case Kind::update:
    case Kind::compare_and_swap: return update(command, now, sink);
    case Kind::remove:
    case Kind::compare_and_delete: return remove(command, now, sink);
    case Kind::expire: return expire(command, now, sink);
    case Kind::sweep: sweep(command.sweep_until, now, sink); return nullptr;
  }
  return nullptr;
}

Store::Outcome Store::make(Command& command, Instant now, EventSink& sink) {
  const std::uint64_t index = index_ + 1;
  if (command.kind == Kind::create_in_order) {
    if (command.key == "/") command.key.clear();
    command.key.append(1, '/').append(in_order_name(index, rules_.in_order_digits));
  }
  if (command.key == "/") return refuse(errc::root_is_read_only, "/");
  const bool refresh = command.refresh && command.kind == Kind::set;
  if (refresh) {
    if (const auto kept = keep_value(command); !kept) return kept;
  }

  const auto [directory_key, name] = split_last(command.key);
  const auto directory = make_directories(directory_key, index);
  if (!directory) return tl::unexpected(directory.error());

  Event event;
  event.action = command.kind == Kind::set ? Action::set : Action::create;
  event.refresh = refresh;
  Id id = tree_.child(*directory, name);
  if (id == Tree::none) {
    id = tree_.add(*directory, name, command.directory, index);
  } else {
    if (command.kind != Kind::set) return refuse(errc::key_already_exists, command.key);
    if (tree_[id].directory) return refuse(errc::not_a_file, command.key);
    event.previous = image_taking_value(tree_[id]);
    tree_[id].directory = command.directory;
    tree_[id].created_index = tree_[id].modified_index = index;
  }
  Tree::Entry& entry = tree_[id];
  if (command.directory) {
    entry.value.clear();
  } else {
    entry.value = command.value;
    event.node.value = std::move(command.value);
  }
  if (entry.expiration || command.expiration) tree_.set_expiration(id, command.expiration);

  event.node.directory = command.directory;
  event.node.expiration = command.expiration;
  event.node.modified_index = event.node.created_index = index;
  event.key = std::move(command.key);
  event.at = now;
  return &publish(std::move(event), sink);
}

/// Of a refresh: there must be something, whose value is taken for the new one.
Store::Outcome Store::keep_value(Command& command) const {
  const auto id = find(command.key);
  if (!id) return tl::unexpected(id.error());
  command.value = tree_[*id].value;
  return nullptr;
}

Store::Outcome Store::update(Command& command, Instant now, EventSink& sink) {
  const bool compare = command.kind == Kind::compare_and_swap;
  if (command.key == "/") return refuse(errc::root_is_read_only, "/");
  const auto id = compare ? find_to_compare(command) : find(command.key);
  if (!id) return tl::unexpected(id.error());

  Tree::Entry& entry = tree_[*id];
  if (entry.directory && !command.value.empty()) return refuse(errc::not_a_file, command.key);
  Event event;
  event.action = compare ? Action::compare_and_swap : Action::update;
  event.refresh = command.refresh;
  if (command.refresh) command.value = entry.value;
  event.previous = image_taking_value(entry);
  if (entry.directory) {
    event.node.directory = true;
  } else {
    entry.modified_index = index_ + 1;
    entry.value = command.value;
    event.node.value = std::move(command.value);
  }
  if (entry.expiration || command.expiration) tree_.set_expiration(*id, command.expiration);

  event.node.expiration = command.expiration;
  event.node.modified_index = index_ + 1;
  event.node.created_index = entry.created_index;
  event.key = std::move(command.key);
  event.at = now;
  return &publish(std::move(event), sink);
}

Store::Outcome Store::remove(Command& command, Instant now, EventSink& sink) {
  const bool compare = command.kind == Kind::compare_and_delete;
  // A compare-and-delete of the root finds a directory, like any other: Deimos answers 102.
  if (!compare && command.key == "/") return refuse(errc::root_is_read_only, "/");
  const auto id = compare ? find_to_compare(command) : find(command.key);
  if (!id) return tl::unexpected(id.error());

  Tree::Entry& entry = tree_[*id];
  if (entry.directory) {
    if (!command.directory && !command.recursive) return refuse(errc::not_a_file, command.key);
    if (entry.first_child != Tree::none && !command.recursive) return refuse(errc::directory_not_empty, command.key);
  }
  Event event;
  event.action = compare ? Action::compare_and_delete : Action::remove;
  event.previous = image_taking_value(entry);
  event.node.directory = entry.directory;
  event.node.modified_index = index_ + 1;
  event.node.created_index = entry.created_index;
  event.key = std::move(command.key);
  event.at = now;
  const Event& removal = publish(std::move(event), sink);
  tree_.remove(*id);
  return &removal;
}

Store::Outcome Store::expire(const Command& command, Instant now, EventSink& sink) {
  if (command.key == "/") return refuse(errc::root_is_read_only, "/");
  const auto id = find(command.key);
  if (!id) return tl::unexpected(id.error());
  return &expire_entry(*id, command.key, now, sink);
}

void Store::sweep(Instant until, Instant now, EventSink& sink) {
  while (next_expiration() <= until && tree_.first_to_expire() != Tree::none) {
    const Id id = tree_.first_to_expire();
    expire_entry(id, tree_.key_of(id), now, sink);
  }
}

const Event& Store::expire_entry(Id id, std::string key, Instant now, EventSink& sink) {
  Event event;
  event.action = Action::expire;
  event.key = std::move(key);
  event.at = now;
  event.previous = image_taking_value(tree_[id]);
  event.node.directory = rules_.expired_directory_is_one && tree_[id].directory;
  event.node.modified_index = index_ + 1;
  event.node.created_index = tree_[id].created_index;
  const Event& removal = publish(std::move(event), sink);
  tree_.remove(id);
  return removal;
}

const Event& Store::publish(Event&& event, EventSink& sink) {
  event.index = ++index_;
  const Event& kept = history_.add(std::move(event));
  sink.made(kept);
  if (kept.refresh) return kept;
  const bool any = !rules_.removal_tells_what_was_there;
  hub_.notify(kept, sink, [&](const std::string& below) { return any || find(below).has_value(); });
  return kept;
}

void Store::skip_index() {
  Event event;  // Of no key: no watch covers it.
  event.index = ++index_;
  history_.add(std::move(event));
}

tl::expected<Listing, StoreError> Store::get(std::string_view key, bool recursive, bool sorted) const {
  const auto id = find(key);
  if (!id) return tl::unexpected(id.error());
  Listing listing;
  listing.entry = &tree_[*id];
  if (!listing.entry->directory) return listing;

  // What is still to be listed, the next one last. No recursion: a tree can be as deep as a key is long.
  std::vector<Listing::Item> pending;
  const auto open = [&](const Tree::Entry& directory, std::size_t depth) {
    const auto first = static_cast<std::ptrdiff_t>(pending.size());
    for (Id child = directory.last_child; child != Tree::none; child = tree_[child].previous_sibling) {
      if (!tree_[child].hidden()) pending.push_back({&tree_[child], depth});
    }
    if (!sorted) return;
    std::sort(pending.begin() + first, pending.end(),
              [](const Listing::Item& a, const Listing::Item& b) { return a.entry->name > b.entry->name; });
  };
  open(*listing.entry, 1);
  while (!pending.empty()) {
    const Listing::Item item = pending.back();
    pending.pop_back();
    listing.below.push_back(item);
    if (recursive && item.entry->directory) open(*item.entry, item.depth + 1);
  }
  return listing;
}

tl::expected<PastEvent, StoreError> Store::past(const Watch& watch) const {
  if (watch.since > index_) return PastEvent{};
  if (watch.since < history_.first_index()) {
    return refuse(errc::history_cleared, "the requested history has been cleared [" +
                                             std::to_string(history_.first_index()) + "/" +
                                             std::to_string(watch.since) + "]");
  }
  return history_.find(watch);
}

Instant Store::next_expiration() const noexcept {
  const Id id = tree_.first_to_expire();
  return id == Tree::none ? Instant::max() : *tree_[id].expiration;
}

tl::expected<Store::Id, StoreError> Store::find(std::string_view key) const {
  Id at = Tree::root;
  for (std::string_view rest = key == "/" ? std::string_view{} : key; !rest.empty();) {
    const std::string_view above = key.substr(0, key.size() - rest.size());
    if (!tree_[at].directory) return refuse(errc::not_a_directory, above);
    at = tree_.child(at, take_segment(rest));
    if (at == Tree::none) return refuse(errc::key_not_found, key.substr(0, key.size() - rest.size()));
  }
  return at;
}

tl::expected<Store::Id, StoreError> Store::make_directories(std::string_view key, std::uint64_t index) {
  Id at = Tree::root;
  for (std::string_view rest = key; !rest.empty();) {
    const std::string_view name = take_segment(rest);
    const Id child = tree_.child(at, name);
    at = child == Tree::none ? tree_.add(at, name, true, index) : child;
    // Only found, never made: so nothing has changed yet.
    if (!tree_[at].directory) return refuse(errc::not_a_directory, key.substr(0, key.size() - rest.size()));
  }
  return at;
}

tl::expected<Store::Id, StoreError> Store::find_to_compare(const Command& command) const {
  const auto id = find(command.key);
  if (!id) return id;
  const Tree::Entry& entry = tree_[*id];
  if (entry.directory) return refuse(errc::not_a_file, command.key);
  std::string cause;
  if (!command.previous_value.empty() && command.previous_value != entry.value) {
    cause = compared(command.previous_value, entry.value);
  }
  if (command.previous_index != 0 && command.previous_index != entry.modified_index) {
    if (!cause.empty()) cause += ' ';
    cause += compared(std::to_string(command.previous_index), std::to_string(entry.modified_index));
  }
  if (!cause.empty()) return refuse(errc::compare_failed, cause);
  return id;
}

tl::unexpected<StoreError> Store::refuse(errc code, std::string_view cause) const {
  return tl::unexpected(StoreError{code, std::string(cause), index_});
}

}  // namespace deimos::fake

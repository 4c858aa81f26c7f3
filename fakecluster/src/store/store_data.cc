// A store's content as a plain value, and back.
#include <algorithm>
#include <utility>

#include <deimos/internal/assert.h>
#include <deimos/internal/saturating_time.h>

#include "store/store.h"

namespace deimos::fake {
namespace {

constexpr std::string_view own_records = "_deimos";

}  // namespace

Data Store::dump(Instant now, bool indexes) const {
  Data data;
  if (indexes) data.index = index_;
  // What is still to be written, the next one last. No recursion: a tree can be as deep as a key is long.
  std::vector<std::pair<Id, std::string>> pending;
  const auto open = [&](Id directory, const std::string& above) {
    for (Id child = tree_[directory].last_child; child != Tree::none; child = tree_[child].previous_sibling) {
      if (directory == Tree::root && tree_[child].name == own_records) continue;
      pending.emplace_back(child, above + "/" + tree_[child].name);
    }
  };
  open(Tree::root, "");
  while (!pending.empty()) {
    auto [id, key] = std::move(pending.back());
    pending.pop_back();
    const Tree::Entry& entry = tree_[id];
    if (entry.directory) open(id, key);
    DataEntry written;
    written.key = std::move(key);
    written.directory = entry.directory;
    written.value = entry.value;
    if (entry.expiration) written.ttl = *entry.expiration - now;
    if (indexes) {
      written.created_index = entry.created_index;
      written.modified_index = entry.modified_index;
    }
    data.entries.push_back(std::move(written));
  }
  return data;
}

void Store::load(const Data& data, Instant now) {
  DEIMOS_ASSERT(data.index == 0 || data.index >= index_, "indexes only grow");
  for (Id child = tree_[Tree::root].first_child; child != Tree::none;) {
    const Id next = tree_[child].next_sibling;
    if (tree_[child].name != own_records) tree_.remove(child);
    child = next;
  }
  for (const DataEntry& entry : data.entries) {
    if (data.index == 0) ++index_;
    const std::uint64_t created = data.index == 0 ? index_ : entry.created_index;
    const std::size_t slash = entry.key.rfind('/');
    const auto directory = make_directories(std::string_view(entry.key).substr(0, slash), created);
    DEIMOS_ASSERT(directory.has_value(), "nothing is below a file");
    const Id id = tree_.add(*directory, std::string_view(entry.key).substr(slash + 1), entry.directory, created);
    if (data.index != 0) tree_[id].modified_index = entry.modified_index;
    tree_[id].value = entry.value;
    if (entry.ttl) tree_.set_expiration(id, internal::saturating_sum(now, *entry.ttl));
  }
  index_ = std::max(index_, data.index);
  history_.restart(index_ + 1);
}

}  // namespace deimos::fake

#include "backends/etcd/etcd_records.h"

#include <array>
#include <charconv>

namespace deimos::etcd {
namespace {

std::string hexadecimal(std::uint64_t number) {
  std::array<char, 16> digits{};
  const auto [end, problem] = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return {digits.data(), end};
}

/// etcd's own clients give a place the name of its lease.
bool is_foreign_place(const KeyValue& pair) {
  if (pair.lease == 0) return false;
  const std::size_t slash = pair.key.rfind('/');
  return slash != std::string::npos &&
         std::string_view(pair.key).substr(slash + 1) == hexadecimal(static_cast<std::uint64_t>(pair.lease));
}

}  // namespace

std::string below(const std::string& directory) { return directory.ends_with('/') ? directory : directory + '/'; }

std::vector<std::string> directories_above(std::string_view key) {
  std::vector<std::string> above;
  for (std::size_t slash = key.find('/', 1); slash != std::string_view::npos; slash = key.find('/', slash + 1)) {
    above.emplace_back(key.substr(0, slash));
  }
  return above;
}

std::string place_key(const std::string& queue, std::int64_t lease, std::uint64_t number) {
  return below(queue) + hexadecimal(static_cast<std::uint64_t>(lease)) + '.' + hexadecimal(number);
}

bool is_child(std::string_view key, std::string_view directory) {
  return key.size() > directory.size() + 1 && key.starts_with(directory) && key.rfind('/') == directory.size();
}

LockRecord record_of(const KeyValue& pair) {
  LockRecord record;
  record.key = pair.key;
  record.token = pair.value;
  record.created_revision = pair.create_revision;
  record.revision = pair.mod_revision;
  record.foreign_place = is_foreign_place(pair);
  return record;
}

Change change_of(const std::vector<WatchEvent>& events, const std::string& directory) {
  const WatchEvent& first = events.front();
  Change change;
  change.key = first.pair.key;
  change.revision = first.pair.mod_revision;
  change.released = first.removed;
  if (!first.removed) {
    change.token = first.pair.value;
    change.foreign_place = is_foreign_place(first.pair);
  }
  if (events.size() > 1 && events[1].pair.mod_revision == change.revision) {
    change = {.key = directory, .revision = change.revision, .released = true};
  }
  return change;
}

}  // namespace deimos::etcd

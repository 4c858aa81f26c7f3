// How the records of locks lie in etcd: which keys, and what of a key-value pair is what of a record.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/lock_backend.h>

#include "backends/etcd/etcd_messages.h"

namespace deimos::etcd {

/// What all keys below the directory begin with.
[[nodiscard]] std::string below(const std::string& directory);
/// The directories above `key`, without the root.
[[nodiscard]] std::vector<std::string> directories_above(std::string_view key);
/// The key of a place on that lease: as etcd's own clients name theirs, and a number, as one lease has many places.
[[nodiscard]] std::string place_key(const std::string& queue, std::int64_t lease, std::uint64_t number);
/// It is directly below the directory.
[[nodiscard]] bool is_child(std::string_view key, std::string_view directory);

[[nodiscard]] LockRecord record_of(const KeyValue& pair);
/// The first of them; what one write did to several keys is told of the directory. `events` must not be empty.
[[nodiscard]] Change change_of(const std::vector<WatchEvent>& events, const std::string& directory);

}  // namespace deimos::etcd

// What a cluster stores, as a plain value: to preload it, to compare it, to keep it in a file (data_json.h).
//
//   cluster.load({.entries = {{.key = "/config/rate", .value = "100"}, {.key = "/locks", .directory = true}}});
//   EXPECT_EQ(cluster.data(), expected);
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <deimos/internal/export.h>

namespace deimos::fake {

/// A file or directory.
struct DataEntry {
  std::string key = {};  ///< As the store has it, not percent-encoded: `/config/rate`.
  bool directory = false;
  std::string value = {};                            ///< Not of a directory.
  std::optional<std::chrono::nanoseconds> ttl = {};  ///< Until it expires; negative: it has, and was not swept yet.
  std::uint64_t created_index = 0;                   ///< 0: not said.
  std::uint64_t modified_index = 0;                  ///< Likewise.
  bool operator==(const DataEntry&) const = default;
};

/// Everything but the cluster's own records, which are below `/_deimos`.
struct Data {
  std::uint64_t index = 0;  ///< Of the store. 0: no index is said here, nor of any entry.
  /// A directory, then what is in it; of one directory in the order in which they were made. In a Data that is loaded,
  /// directories may be left out.
  std::vector<DataEntry> entries = {};
  bool operator==(const Data&) const = default;
};

/// Throws std::invalid_argument, saying why and of which entry, if `data` cannot be loaded: for a key that is none, is
/// longer than `key_limit` bytes, is there twice or after what is in it, is below a file or `/_deimos`; a directory
/// with a value; indexes of some entries only, or ones that contradict each other.
DEIMOS_EXPORT void validate(const Data& data, std::size_t key_limit);

}  // namespace deimos::fake

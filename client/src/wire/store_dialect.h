// In what the stores that a client can talk to differ on the wire: one row for each.
#pragma once

#include <string_view>

#include <deimos/dialect.h>

namespace deimos {

struct StoreDialect {
  std::string_view name;
  std::string_view keys_path;  ///< Before each key.
  std::string_view machines_path;
  std::string_view previous_exists;  ///< What a PUT demands of the key.
  std::string_view index_header;
  /// A read says `quorum=true`; else the node asked would answer from what it has, however old.
  bool reads_ask_for_quorum;
  /// In a listing, the root has neither key nor index.
  bool root_is_nameless;
  /// From its history, it tells the removal of a directory to whoever watches a key that merely begins like it.
  bool tells_strange_removals;
};

[[nodiscard]] const StoreDialect& store_dialect(Dialect dialect) noexcept;

}  // namespace deimos

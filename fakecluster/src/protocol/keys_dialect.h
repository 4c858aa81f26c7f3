// In what one dialect of the keys API differs from another: one row for each, which requests are read and answers are
// written by. (A store with another API altogether, as etcd v3, does not begin here, but beside read_request().)
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <deimos/error.h>
#include <deimos/fake/dialect.h>
#include <deimos/fake/node_id.h>
#include "store/store_rules.h"

#include "protocol/page.h"
#include "protocol/request_form.h"

namespace deimos::fake {

struct KeysDialect {
  /// A resource beside the keys.
  struct PageRoute {
    std::string_view path;
    Page page;
    std::string_view methods;  ///< As `Allow` lists them.
  };
  /// Changes and log entries with which a cluster begins: so many, and so many more for each member.
  struct Beginning {
    std::uint64_t fixed;
    std::uint64_t each_member;
    [[nodiscard]] std::uint64_t of(NodeId members) const noexcept { return fixed + each_member * members; }
  };

  // Requests.
  std::string_view keys_path;  ///< Before each key.
  std::string_view keys_methods;
  std::span<const PageRoute> pages;
  FieldNames fields;
  std::string_view watch_key;  ///< What is asked for there is a watch; empty: what is read with `wait` is.
  errc empty_previous_value;   ///< How an empty `prevValue` is refused.
  bool update_compares;        ///< An update may carry a comparison; else it switches it off.
  bool reads_locally;          ///< Without `quorum`, the node asked answers from what it has applied.

  // Answers.
  std::string_view index_header;
  std::string_view cluster_header;  ///< Carries the number of the cluster; empty: there is none.
  bool errors_are_json;             ///< Else text, with a line behind the object if the error is the store's.
  bool root_is_nameless;            ///< The root has neither key nor index.
  bool watch_tells_index;
  bool past_ends_stream;  ///< A watch that streams is told one event of the past, and nothing more.

  // The cluster behind it.
  bool has_member_records;  ///< Of each member there is a record among the keys; else elsewhere.
  Beginning changes;
  Beginning log_entries;
  StoreRules store;
};

[[nodiscard]] const KeysDialect& keys_dialect(Dialect dialect) noexcept;

}  // namespace deimos::fake

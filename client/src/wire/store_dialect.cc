#include "wire/store_dialect.h"

namespace deimos {
namespace {

constexpr StoreDialect deimos_dialect = {
    .name = "Deimos",
    .keys_path = "/keys",
    .machines_path = "/machines",
    .previous_exists = "prevExists",
    .index_header = "X-Deimos-Index",
    .reads_ask_for_quorum = false,
    .root_is_nameless = false,
    .tells_strange_removals = false,
};

constexpr StoreDialect etcd2_dialect = {
    .name = "etcd v2",
    .keys_path = "/v2/keys",
    .machines_path = "/v2/machines",
    .previous_exists = "prevExist",
    .index_header = "X-Etcd-Index",
    .reads_ask_for_quorum = true,
    .root_is_nameless = true,
    .tells_strange_removals = true,
};

}  // namespace

const StoreDialect& store_dialect(Dialect dialect) noexcept {
  switch (dialect) {
    case Dialect::deimos: break;
    case Dialect::etcd2: return etcd2_dialect;
  }
  return deimos_dialect;
}

}  // namespace deimos

#include "protocol/keys_dialect.h"

#include <array>

namespace deimos::fake {
namespace {

constexpr std::array<KeysDialect::PageRoute, 1> deimos_pages = {{{"/machines", Page::machines, "GET,HEAD"}}};

constexpr KeysDialect deimos_dialect = {
    .keys_path = "/keys",
    .keys_methods = "GET,PUT,POST,DELETE",
    .pages = deimos_pages,
    .fields = FieldNames{}
                  .with(FormField::dir, "dir")
                  .with(FormField::prev_exists, "prevExists")
                  .with(FormField::prev_index, "prevIndex")
                  .with(FormField::prev_value, "prevValue")
                  .with(FormField::recursive, "recursive")
                  .with(FormField::sorted, "sorted")
                  .with(FormField::stream, "stream")
                  .with(FormField::ttl, "ttl")
                  .with(FormField::value, "value")
                  .with(FormField::wait, "wait")
                  .with(FormField::wait_index, "waitIndex"),
    .watch_key = "",
    .empty_previous_value = errc::invalid_field,
    .update_compares = false,
    .reads_locally = false,
    .index_header = "X-Deimos-Index",
    .cluster_header = "",
    .errors_are_json = false,
    .root_is_nameless = false,
    .watch_tells_index = false,
    .past_ends_stream = false,
    .has_member_records = true,
    .changes = {.fixed = 0, .each_member = 2},
    .log_entries = {.fixed = 0, .each_member = 3},
    .store = {},
};

constexpr std::array<KeysDialect::PageRoute, 10> etcd2_pages = {{
    {"/version", Page::version, "GET"},
    {"/health", Page::health, "GET"},
    {"/v2/machines", Page::machines, "GET,HEAD"},
    {"/v2/members", Page::members, "GET"},
    {"/v2/members/", Page::members, "GET"},
    {"/v2/members/leader", Page::leading_member, "GET"},
    {"/v2/members/*", Page::unknown_member, "GET"},
    {"/v2/stats/self", Page::own_statistics, "GET"},
    {"/v2/stats/leader", Page::leader_statistics, "GET"},
    {"/v2/stats/store", Page::store_statistics, "GET"},
}};

constexpr KeysDialect etcd2_dialect = {
    .keys_path = "/v2/keys",
    .keys_methods = "HEAD,GET,PUT,POST,DELETE",
    .pages = etcd2_pages,
    .fields = FieldNames(deimos_dialect.fields)
                  .with(FormField::prev_exists, "prevExist")
                  .with(FormField::no_value_on_success, "noValueOnSuccess")
                  .with(FormField::quorum, "quorum")
                  .with(FormField::refresh, "refresh"),
    .watch_key = "",
    .empty_previous_value = errc::previous_value_required,
    .update_compares = true,
    .reads_locally = true,
    .index_header = "X-Etcd-Index",
    .cluster_header = "X-Etcd-Cluster-Id",
    .errors_are_json = true,
    .root_is_nameless = true,
    .watch_tells_index = true,
    .past_ends_stream = true,
    .has_member_records = false,
    .changes = {.fixed = 1, .each_member = 2},
    .log_entries = {.fixed = 2, .each_member = 2},
    .store = {.in_order_digits = 20,
              .expired_directory_is_one = true,
              .past_shows_last_expiration = false,
              .past_tells_removals = true,
              .removal_tells_what_was_there = true,
              .removal_streams_twice = true},
};

constexpr std::array<KeysDialect::PageRoute, 2> etcd3_pages = {{
    {"/version", Page::version, "GET"},
    {"/health", Page::health, "GET"},
}};

/// It has no keys API: what stands for a key, for rules and the journal, is the gateway's path behind its prefix.
constexpr KeysDialect etcd3_dialect = {
    .keys_path = "/v3",
    .keys_methods = "POST",
    .pages = etcd3_pages,
    .fields = {},
    .watch_key = "/watch",
    .empty_previous_value = errc::invalid_field,
    .update_compares = false,
    .reads_locally = false,
    .index_header = "",
    .cluster_header = "",
    .errors_are_json = true,
    .root_is_nameless = false,
    .watch_tells_index = false,
    .past_ends_stream = false,
    .has_member_records = false,
    .changes = {.fixed = 0, .each_member = 0},
    .log_entries = {.fixed = 2, .each_member = 2},
    .store = {},
};

}  // namespace

const KeysDialect& keys_dialect(Dialect dialect) noexcept {
  switch (dialect) {
    case Dialect::deimos: break;
    case Dialect::etcd2: return etcd2_dialect;
    case Dialect::etcd3: return etcd3_dialect;
  }
  return deimos_dialect;
}

}  // namespace deimos::fake

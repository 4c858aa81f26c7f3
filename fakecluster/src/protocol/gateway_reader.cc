#include "protocol/gateway_reader.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "protocol/gateway_check.h"
#include "protocol/gateway_fields.h"

namespace deimos::fake {

struct GatewayRoute {
  std::string_view path;
  /// Null: of an etcd, but not of the fake.
  GatewayRequest (*read)(GatewayFields& fields);
};

namespace {

using namespace versions;

KeyRange range_of(GatewayFields& fields) { return {fields.bytes("key"), fields.bytes("range_end")}; }

RangeRequest range_request(GatewayFields& fields) {
  RangeRequest request{.range = range_of(fields)};
  request.limit = fields.number("limit");
  request.revision = fields.number("revision");
  const std::int64_t order = fields.choice("sort_order", "RangeRequest_SortOrder", {"NONE", "ASCEND", "DESCEND"});
  request.order = order >= 0 && order <= 2 ? static_cast<SortOrder>(order) : SortOrder::unknown;
  const std::int64_t target =
      fields.choice("sort_target", "RangeRequest_SortTarget", {"KEY", "VERSION", "CREATE", "MOD", "VALUE"});
  if (target >= 0 && target <= 4) request.target = static_cast<Attribute>(target);
  request.serializable = fields.flag("serializable");
  request.keys_only = fields.flag("keys_only");
  request.count_only = fields.flag("count_only");
  request.min_mod_revision = fields.number("min_mod_revision");
  request.max_mod_revision = fields.number("max_mod_revision");
  request.min_create_revision = fields.number("min_create_revision");
  request.max_create_revision = fields.number("max_create_revision");
  return request;
}

PutRequest put_request(GatewayFields& fields) {
  PutRequest request{.key = fields.bytes("key"), .value = fields.bytes("value"), .lease = fields.number("lease")};
  request.prev_kv = fields.flag("prev_kv");
  request.ignore_value = fields.flag("ignore_value");
  request.ignore_lease = fields.flag("ignore_lease");
  return request;
}

DeleteRequest delete_request(GatewayFields& fields) {
  return {.range = range_of(fields), .prev_kv = fields.flag("prev_kv")};
}

/// What is compared with counts only if it is of the kind that `target` names.
Compare compare_of(GatewayFields& fields) {
  struct Kind {
    std::string_view field;
    Attribute attribute;
  };
  static constexpr std::array<Kind, 4> kinds = {{{"version", Attribute::version},
                                                 {"create_revision", Attribute::create_revision},
                                                 {"mod_revision", Attribute::mod_revision},
                                                 {"lease", Attribute::lease}}};
  static constexpr std::array<Attribute, 5> targets = {Attribute::version, Attribute::create_revision,
                                                       Attribute::mod_revision, Attribute::value, Attribute::lease};
  Compare compare;
  const std::int64_t result =
      fields.choice("result", "Compare_CompareResult", {"EQUAL", "GREATER", "LESS", "NOT_EQUAL"});
  compare.result = result >= 0 && result <= 3 ? static_cast<Compare::Result>(result) : Compare::Result::any;
  const std::int64_t target =
      fields.choice("target", "Compare_CompareTarget", {"VERSION", "CREATE", "MOD", "VALUE", "LEASE"});
  if (target >= 0 && target <= 4) compare.target = targets[static_cast<std::size_t>(target)];
  compare.range = range_of(fields);
  for (const Kind& kind : kinds) {
    const std::int64_t number = fields.number(kind.field);
    if (kind.attribute == compare.target) compare.number = number;
  }
  std::string value = fields.bytes("value");
  if (compare.target == Attribute::value) compare.value = std::move(value);
  return compare;
}

TxnRequest txn_request(GatewayFields& fields);

Operation operation_of(GatewayFields& fields) {
  Operation operation;
  fields.object("request_range", [&](GatewayFields& inner) { operation = range_request(inner); });
  fields.object("request_put", [&](GatewayFields& inner) { operation = put_request(inner); });
  fields.object("request_delete_range", [&](GatewayFields& inner) { operation = delete_request(inner); });
  fields.object("request_txn",
                [&](GatewayFields& inner) { operation = std::make_shared<const TxnRequest>(txn_request(inner)); });
  return operation;
}

/// As deep as the message, which take_message() bounds.
TxnRequest txn_request(GatewayFields& fields) {
  TxnRequest request;
  fields.each("compare", [&](GatewayFields& inner) { request.compares.push_back(compare_of(inner)); });
  fields.each("success", [&](GatewayFields& inner) { request.success.push_back(operation_of(inner)); });
  fields.each("failure", [&](GatewayFields& inner) { request.failure.push_back(operation_of(inner)); });
  return request;
}

WatchCreation watch_creation(GatewayFields& fields) {
  WatchCreation creation{.range = range_of(fields), .start_revision = fields.number("start_revision")};
  creation.progress_notify = fields.flag("progress_notify");
  fields.each_choice("filters", "WatchCreateRequest_FilterType", {"NOPUT", "NODELETE"}, [&](std::int64_t filter) {
    if (filter == 0) creation.no_put = true;
    if (filter == 1) creation.no_delete = true;
  });
  creation.prev_kv = fields.flag("prev_kv");
  creation.id = fields.number("watch_id");
  if (creation.range.key.empty()) creation.range.key.assign(1, '\0');
  return creation;
}

void add_watch_message(GatewayFields& fields, WatchRequest& request) {
  std::optional<WatchRequest::Message> message;
  fields.object("create_request", [&](GatewayFields& inner) { message = watch_creation(inner); });
  fields.object("cancel_request", [&](GatewayFields& inner) { message = WatchCancellation{inner.number("watch_id")}; });
  fields.object("progress_request", [&](GatewayFields& /*inner*/) { message = ProgressRequest{}; });
  if (message) request.messages.push_back(std::move(*message));
}

template <auto read>
GatewayRequest reads(GatewayFields& fields) {
  return read(fields);
}

GatewayRequest read_compaction(GatewayFields& fields) { return CompactionRequest{fields.number("revision")}; }
GatewayRequest read_grant(GatewayFields& fields) {
  const std::int64_t ttl = fields.number("TTL");
  return GrantRequest{fields.number("ID"), ttl};
}
GatewayRequest read_revoke(GatewayFields& fields) { return RevokeRequest{fields.number("ID")}; }
GatewayRequest read_time_to_live(GatewayFields& fields) {
  return TimeToLiveRequest{fields.number("ID"), fields.flag("keys")};
}
GatewayRequest read_keep_alive(GatewayFields& fields) { return KeepAliveRequest{{fields.number("ID")}}; }
GatewayRequest read_watch(GatewayFields& fields) {
  WatchRequest request;
  add_watch_message(fields, request);
  return request;
}
GatewayRequest read_authenticate(GatewayFields& fields) {
  return AuthenticateRequest{fields.text("name"), fields.text("password")};
}
template <typename Request>
GatewayRequest reads_nothing(GatewayFields& /*fields*/) {
  return Request{};
}

constexpr std::array<GatewayRoute, 24> gateway_routes = {{
    {"/kv/range", reads<range_request>},
    {"/kv/put", reads<put_request>},
    {"/kv/deleterange", reads<delete_request>},
    {"/kv/txn", reads<txn_request>},
    {"/kv/compaction", read_compaction},
    {"/watch", read_watch},
    {"/lease/grant", read_grant},
    {"/lease/revoke", read_revoke},
    {"/kv/lease/revoke", read_revoke},
    {"/lease/keepalive", read_keep_alive},
    {"/lease/timetolive", read_time_to_live},
    {"/kv/lease/timetolive", read_time_to_live},
    {"/lease/leases", reads_nothing<LeasesRequest>},
    {"/kv/lease/leases", reads_nothing<LeasesRequest>},
    {"/auth/authenticate", read_authenticate},
    {"/maintenance/status", reads_nothing<StatusRequest>},
    {"/cluster/member/list", reads_nothing<MemberListRequest>},
    {"/cluster/member/add", nullptr},
    {"/cluster/member/remove", nullptr},
    {"/cluster/member/update", nullptr},
    {"/maintenance/alarm", nullptr},
    {"/maintenance/defragment", nullptr},
    {"/maintenance/hash", nullptr},
    {"/maintenance/snapshot", nullptr},
}};

/// The further messages of a stream; one that cannot be read ends them, and is not told of.
void read_more(GatewayRequest& request, std::string_view body) {
  for (;;) {
    const auto message = take_message(body);
    if (!message || !*message) return;
    std::string problem;
    GatewayFields fields(**message, problem);
    if (auto* watch = std::get_if<WatchRequest>(&request)) {
      const std::size_t before = watch->messages.size();
      add_watch_message(fields, *watch);
      if (!problem.empty()) watch->messages.resize(before);
    } else {
      const std::int64_t id = fields.number("ID");
      if (problem.empty()) std::get<KeepAliveRequest>(request).ids.push_back(id);
    }
    if (!problem.empty()) return;
  }
}

}  // namespace

const GatewayRoute* find_gateway_route(std::string_view path) noexcept {
  const auto* const found = std::find_if(gateway_routes.begin(), gateway_routes.end(),
                                         [&](const GatewayRoute& route) { return route.path == path; });
  return found == gateway_routes.end() ? nullptr : &*found;
}

bool streams(const GatewayRoute& route) noexcept { return route.path == "/watch" || route.path == "/lease/keepalive"; }

tl::expected<GatewayRequest, GatewayRefusal> read_gateway_request(const GatewayRoute& route, std::string_view body) {
  if (route.read == nullptr) {
    return tl::unexpected(GatewayRefusal{GatewayRefusal::Code::unimplemented, "a fake cluster has no such call"});
  }
  const auto refuse = [&](std::string why) {
    const auto code = streams(route) ? GatewayRefusal::Code::unknown : GatewayRefusal::Code::invalid_argument;
    return tl::unexpected(GatewayRefusal{code, std::move(why)});
  };
  const auto message = take_message(body);
  if (!message) return refuse(message.error());
  if (!*message && streams(route)) {
    return route.path == "/watch" ? GatewayRequest(WatchRequest{}) : GatewayRequest(KeepAliveRequest{});
  }
  const nlohmann::json nothing;
  std::string problem;
  GatewayFields fields(*message ? **message : nothing, problem);
  GatewayRequest request = route.read(fields);
  if (!problem.empty()) return refuse(std::move(problem));
  if (streams(route)) read_more(request, body);
  if (auto refusal = check_gateway_request(request)) return tl::unexpected(std::move(*refusal));
  return request;
}

}  // namespace deimos::fake

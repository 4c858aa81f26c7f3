#include "protocol/gateway_answer.h"

#include <utility>

#include "protocol/gateway_writer.h"

namespace deimos::fake {
namespace {

using namespace versions;

void write_header(GatewayWriter& writer, const GatewayHeader& header, std::int64_t revision) {
  writer.object("header", [&](GatewayWriter& inner) {
    inner.number("cluster_id", header.cluster_id);
    inner.number("member_id", header.member_id);
    inner.number("revision", revision);
    inner.number("raft_term", header.raft_term);
  });
}

template <typename Write>
std::string answer_text(const GatewayHeader& header, std::int64_t revision, Write write) {
  std::string text;
  {
    GatewayWriter writer(text);
    write_header(writer, header, revision);
    write(writer);
  }
  return text;
}

void write_pair(GatewayWriter& writer, const KeyValue& pair) {
  writer.bytes("key", pair.key);
  writer.number("create_revision", pair.create_revision);
  writer.number("mod_revision", pair.mod_revision);
  writer.number("version", pair.version);
  writer.bytes("value", pair.value);
  writer.number("lease", pair.lease);
}

void append_pair(std::string& out, const KeyValue& pair) {
  GatewayWriter writer(out);
  write_pair(writer, pair);
}

void write_answer(GatewayWriter& writer, const RangeAnswer& answer) {
  writer.array("kvs", answer.pairs, append_pair);
  writer.flag("more", answer.more);
  writer.number("count", answer.count);
}

void write_answer(GatewayWriter& writer, const PutAnswer& answer) {
  if (answer.previous) writer.object("prev_kv", [&](GatewayWriter& inner) { write_pair(inner, *answer.previous); });
}

void write_answer(GatewayWriter& writer, const DeleteAnswer& answer) {
  writer.number("deleted", answer.deleted);
  writer.array("prev_kvs", answer.previous, append_pair);
}

void append_operation(std::string& out, const OperationAnswer& answer);

void write_answer(GatewayWriter& writer, const TxnAnswer& answer) {
  writer.flag("succeeded", answer.succeeded);
  writer.array("responses", answer.operations, append_operation);
}

/// An answer within a transaction's: its header tells the revision alone.
template <typename Answer>
void write_inner(GatewayWriter& writer, std::string_view name, const Answer& answer) {
  writer.object(name, [&](GatewayWriter& inner) {
    write_header(inner, {}, answer.revision);
    write_answer(inner, answer);
  });
}

void append_operation(std::string& out, const OperationAnswer& answer) {
  GatewayWriter writer(out);
  if (const auto* range = std::get_if<RangeAnswer>(&answer)) write_inner(writer, "response_range", *range);
  if (const auto* put = std::get_if<PutAnswer>(&answer)) write_inner(writer, "response_put", *put);
  if (const auto* removal = std::get_if<DeleteAnswer>(&answer)) write_inner(writer, "response_delete_range", *removal);
  if (const auto* txn = std::get_if<std::shared_ptr<const TxnAnswer>>(&answer)) {
    write_inner(writer, "response_txn", **txn);
  }
}

void append_event(std::string& out, const WatchedEvent& watched) {
  GatewayWriter writer(out);
  if (watched.event->is_removal()) writer.text("type", "DELETE");
  writer.object("kv", [&](GatewayWriter& inner) { write_pair(inner, watched.event->pair); });
  if (watched.previous) writer.object("prev_kv", [&](GatewayWriter& inner) { write_pair(inner, *watched.previous); });
}

void append_text(std::string& out, const std::string& text) { append_json_string(out, text); }

}  // namespace

std::string GatewayAnswers::text(const RangeAnswer& answer) const {
  return answer_text(header_, answer.revision, [&](GatewayWriter& writer) { write_answer(writer, answer); });
}
std::string GatewayAnswers::text(const PutAnswer& answer) const {
  return answer_text(header_, answer.revision, [&](GatewayWriter& writer) { write_answer(writer, answer); });
}
std::string GatewayAnswers::text(const DeleteAnswer& answer) const {
  return answer_text(header_, answer.revision, [&](GatewayWriter& writer) { write_answer(writer, answer); });
}
std::string GatewayAnswers::text(const TxnAnswer& answer) const {
  return answer_text(header_, answer.revision, [&](GatewayWriter& writer) { write_answer(writer, answer); });
}
std::string GatewayAnswers::text(const CompactionAnswer& answer) const {
  return answer_text(header_, answer.revision, [](GatewayWriter& /*writer*/) {});
}
std::string GatewayAnswers::text(const GrantAnswer& answer) const {
  return answer_text(header_, answer.revision, [&](GatewayWriter& writer) {
    writer.number("ID", answer.id);
    writer.number("TTL", answer.ttl);
  });
}
std::string GatewayAnswers::text(const RevokeAnswer& answer) const {
  return answer_text(header_, answer.revision, [](GatewayWriter& /*writer*/) {});
}

std::string GatewayAnswers::text(const KeepAliveAnswer& answer, std::int64_t revision) const {
  return answer_text(header_, revision, [&](GatewayWriter& writer) {
    writer.number("ID", answer.id);
    writer.number("TTL", answer.ttl);
  });
}

std::string GatewayAnswers::text(const TimeToLiveAnswer& answer, std::int64_t revision) const {
  return answer_text(header_, revision, [&](GatewayWriter& writer) {
    writer.number("ID", answer.id);
    writer.number("TTL", answer.ttl);
    writer.number("grantedTTL", answer.granted_ttl);
    writer.array("keys", answer.keys, GatewayWriter::quote);
  });
}

std::string GatewayAnswers::leases_text(const std::vector<std::int64_t>& leases, std::int64_t revision) const {
  return answer_text(header_, revision, [&](GatewayWriter& writer) {
    writer.array("leases", leases, [](std::string& out, std::int64_t lease) {
      GatewayWriter inner(out);
      inner.number("ID", lease);
    });
  });
}

std::string GatewayAnswers::token_text(const std::string& token, std::int64_t revision) const {
  return answer_text(header_, revision, [&](GatewayWriter& writer) { writer.text("token", token); });
}

std::string GatewayAnswers::text(const StatusAnswer& answer, std::int64_t revision) const {
  return answer_text(header_, revision, [&](GatewayWriter& writer) {
    writer.text("version", "3.4.23");
    writer.number("dbSize", answer.bytes);
    writer.number("leader", answer.leader);
    writer.number("raftIndex", answer.raft_index);
    writer.number("raftTerm", header_.raft_term);
    writer.number("raftAppliedIndex", answer.raft_index);
    writer.number("dbSizeInUse", answer.bytes);
  });
}

std::string GatewayAnswers::text(const MemberList& members, NodeId count) const {
  std::vector<NodeId> nodes;
  for (NodeId node = 1; node <= count; ++node) nodes.push_back(node);
  return answer_text(header_, 0, [&](GatewayWriter& writer) {
    writer.array("members", nodes, [&](std::string& out, NodeId node) {
      GatewayWriter member(out);
      member.number("ID", member_id(members[node]));
      member.text("name", members[node].name);
      member.array("peerURLs", std::vector{members[node].peer_url}, append_text);
      member.array("clientURLs", std::vector{members[node].client_url}, append_text);
    });
  });
}

std::string GatewayAnswers::text(const WatchAnswer& answer, const std::vector<WatchedEvent>& events) const {
  return stream_message(answer_text(header_, answer.revision, [&](GatewayWriter& writer) {
    writer.number("watch_id", answer.watch);
    writer.flag("created", answer.created);
    writer.flag("canceled", answer.canceled);
    writer.number("compact_revision", answer.compact_revision);
    writer.text("cancel_reason", answer.cancel_reason);
    writer.array("events", events, append_event);
  }));
}

Response gateway_success(std::string body) {
  Response response = gateway_stream();
  response.body = std::move(body);
  return response;
}

Response gateway_stream() {
  return {200, {{"Content-Type", "application/json"}, {"Grpc-Metadata-Content-Type", "application/grpc"}}, {}};
}

std::string stream_message(std::string_view text) { return std::string("{\"result\":").append(text).append("}\n"); }

}  // namespace deimos::fake

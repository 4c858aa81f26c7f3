#include "protocol/member_record.h"

#include <cstdint>
#include <string>
#include <utility>

#include "protocol/json_string.h"
#include "protocol/member_list.h"

namespace deimos::fake {
namespace {

std::string record(const MemberOptions& member, std::uint64_t id, bool published) {
  std::string json = "{\"ID\":" + std::to_string(id);
  append_json_string(json += ",\"Name\":", published ? member.name : "");
  append_json_string(json += ",\"PeerURLs\":[", member.peer_url);
  json += "],\"ClientURLs\":[";
  if (published) append_json_string(json, member.client_url);
  return json += "],\"IsLearner\":false}";
}

}  // namespace

std::array<Command, 2> member_record(const MemberOptions& member) {
  const std::uint64_t id = member_id(member);
  Command create;
  create.kind = Command::Kind::create;
  create.key = "/_deimos/machines/" + hexadecimal(id);
  create.value = record(member, id, false);
  Command publish = create;
  publish.kind = Command::Kind::update;
  publish.value = record(member, id, true);
  return {std::move(create), std::move(publish)};
}

}  // namespace deimos::fake

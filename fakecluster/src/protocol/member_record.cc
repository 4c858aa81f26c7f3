#include "protocol/member_record.h"

#include <charconv>
#include <string_view>

#include "protocol/answer_writer.h"

namespace deimos::fake {
namespace {

/// FNV-1a of what makes a member: so that the same member give the same member in every run.
std::uint64_t member_id(const MemberOptions& member) noexcept {
  std::uint64_t id = 0xcbf29ce484222325U;
  for (const std::string_view text : {std::string_view(member.name), std::string_view(member.peer_url)}) {
    for (const char c : text) id = (id ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return id;
}

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
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), id, 16).ptr;
  Command create;
  create.kind = Command::Kind::create;
  create.key = "/_deimos/machines/" + std::string(digits.data(), end);
  create.value = record(member, id, false);
  Command publish = create;
  publish.kind = Command::Kind::update;
  publish.value = record(member, id, true);
  return {std::move(create), std::move(publish)};
}

}  // namespace deimos::fake

#include "protocol/member_record.h"

#include <charconv>
#include <string_view>

#include "protocol/answer_writer.h"

namespace deimos::fake {
namespace {

/// FNV-1a of what makes a member: so that the same options give the same member in every run.
std::uint64_t member_id(const NodeOptions& options) noexcept {
  std::uint64_t id = 0xcbf29ce484222325U;
  for (const std::string_view text : {std::string_view(options.name), std::string_view(options.peer_url)}) {
    for (const char c : text) id = (id ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return id;
}

std::string record(const NodeOptions& options, std::uint64_t id, bool published) {
  std::string json = "{\"ID\":" + std::to_string(id);
  append_json_string(json += ",\"Name\":", published ? options.name : "");
  append_json_string(json += ",\"PeerURLs\":[", options.peer_url);
  json += "],\"ClientURLs\":[";
  if (published) append_json_string(json, options.client_url);
  return json += "],\"IsLearner\":false}";
}

}  // namespace

std::array<Command, 2> member_record(const NodeOptions& options) {
  const std::uint64_t id = member_id(options);
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), id, 16).ptr;
  Command create;
  create.kind = Command::Kind::create;
  create.key = "/_deimos/machines/" + std::string(digits.data(), end);
  create.value = record(options, id, false);
  Command publish = create;
  publish.kind = Command::Kind::update;
  publish.value = record(options, id, true);
  return {std::move(create), std::move(publish)};
}

}  // namespace deimos::fake

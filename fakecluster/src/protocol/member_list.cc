#include "protocol/member_list.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "protocol/json_string.h"

namespace deimos::fake {
namespace {

constexpr std::uint64_t hash_seed = 0xcbf29ce484222325U;

/// FNV-1a.
std::uint64_t hash(std::string_view text, std::uint64_t before) noexcept {
  for (const char c : text) before = (before ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return before;
}

/// Names and URLs tell members apart.
void check_distinct(const std::vector<MemberOptions>& members) {
  for (std::size_t one = 0; one < members.size(); ++one) {
    for (std::size_t other = 0; other < one; ++other) {
      const MemberOptions& a = members[one];
      const MemberOptions& b = members[other];
      if (a.name != b.name && a.client_url != b.client_url && a.peer_url != b.peer_url) continue;
      throw std::invalid_argument("nodes " + std::to_string(other + 1) + " and " + std::to_string(one + 1) +
                                  " have the same name or URL");
    }
  }
}

}  // namespace

std::uint64_t member_id(const MemberOptions& member) noexcept {
  return hash(member.peer_url, hash(member.name, hash_seed));
}

std::string hexadecimal(std::uint64_t number) {
  std::array<char, 16> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr};
}

MemberList::MemberList(std::vector<MemberOptions> members) : members_(std::move(members)) {
  check_distinct(members_);
  std::vector<std::string> urls;
  std::uint64_t id = hash_seed;
  for (const MemberOptions& member : members_) {
    urls.push_back(member.client_url);
    id = hash(hexadecimal(member_id(member)), id);
  }
  std::sort(urls.begin(), urls.end());
  for (const std::string& url : urls) machines_.append(machines_.empty() ? "" : ", ").append(url);
  cluster_id_ = hexadecimal(id);
}

std::string MemberList::json(NodeId node) const {
  const MemberOptions& member = (*this)[node];
  std::string text = "{\"id\":\"" + hexadecimal(member_id(member));
  append_json_string(text += "\",\"name\":", member.name);
  append_json_string(text += ",\"peerURLs\":[", member.peer_url);
  append_json_string(text += "],\"clientURLs\":[", member.client_url);
  return text += "]}";
}

std::string MemberList::json() const {
  std::vector<NodeId> nodes(members_.size());
  std::iota(nodes.begin(), nodes.end(), NodeId{1});
  std::sort(nodes.begin(), nodes.end(), [&](NodeId one, NodeId other) {
    return hexadecimal(member_id((*this)[one])) < hexadecimal(member_id((*this)[other]));
  });
  std::string text;
  for (const NodeId node : nodes) text.append(text.empty() ? "[" : ",").append(json(node));
  return text += "]";
}

}  // namespace deimos::fake

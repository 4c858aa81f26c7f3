#include "protocol/json_difference.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace deimos::fake {
namespace {

bool is_instant(const Json& text) {
  if (!text.is_string()) return false;
  const auto& instant = text.get_ref<const std::string&>();
  constexpr std::string_view pattern = "0000-00-00T00:00:00";
  if (instant.size() < pattern.size() + 1 || instant.back() != 'Z') return false;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const bool digit = instant[at] >= '0' && instant[at] <= '9';
    if (pattern[at] == '0' ? !digit : instant[at] != pattern[at]) return false;
  }
  const std::string_view fraction =
      std::string_view(instant).substr(pattern.size(), instant.size() - pattern.size() - 1);
  return fraction.empty() || (fraction.front() == '.' && fraction.size() > 1 && fraction.back() != '0');
}

}  // namespace

void sort_nodes(Json& node) {
  if (!node.is_object()) return;
  for (auto& [name, member] : node.items()) {
    if (name != "nodes") {
      sort_nodes(member);
      continue;
    }
    for (Json& child : member) sort_nodes(child);
    std::sort(member.begin(), member.end(),
              [](const Json& a, const Json& b) { return a.value("key", "") < b.value("key", ""); });
  }
}

std::string difference(const Json& expected, const Json& actual, const std::string& name) {
  if (name.ends_with(".expiration")) return is_instant(actual) ? "" : name + " is no instant: " + actual.dump();
  if (name.ends_with(".ttl") || name.ends_with(".TTL")) {
    const bool near = actual.is_number() && std::abs(expected.get<std::int64_t>() - actual.get<std::int64_t>()) <= 1;
    return near ? "" : name + ": expected " + expected.dump() + ", got " + actual.dump();
  }
  if (expected.type() == actual.type() && expected.is_structured() && expected.size() == actual.size()) {
    auto other = actual.items().begin();
    for (const auto& [key, value] : expected.items()) {
      std::string member = name;
      member.append(".").append(key);
      if (other.key() != key) return member.append(": got ").append(other.key()).append(" in its place");
      if (auto found = difference(value, other.value(), member); !found.empty()) return found;
      ++other;
    }
    return "";
  }
  return expected == actual ? "" : name + ": expected " + expected.dump() + ", got " + actual.dump();
}

}  // namespace deimos::fake

#include <deimos/transport.h>

#include <algorithm>

#include <deimos/internal/ascii.h>

namespace deimos {
namespace {

bool same_name(std::string_view left, std::string_view right) noexcept {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return internal::to_lower(a) == internal::to_lower(b); });
}

}  // namespace

const std::string* find_header(const Headers& headers, std::string_view name) noexcept {
  for (const Header& header : headers) {
    if (same_name(header.name, name)) return &header.value;
  }
  return nullptr;
}

}  // namespace deimos

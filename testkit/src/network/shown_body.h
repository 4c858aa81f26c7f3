// The body of a message as a line of the history shows it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace deimos::testkit {

/// Appends the beginning of the first line of `body`.
inline void append_shown(std::string& text, std::string_view body) {
  constexpr std::size_t most = 160;
  const std::string_view shown = body.substr(0, std::min(most, body.find('\n')));
  text += shown;
  if (shown.size() + 1 < body.size()) text += "…";
}

}  // namespace deimos::testkit

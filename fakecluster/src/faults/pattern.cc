#include "faults/pattern.h"

#include <cstddef>
#include <vector>

namespace deimos::fake {

bool pattern_matches(std::string_view pattern, std::string_view text) {
  // reached[n]: the pattern so far matches the first n characters of text.
  std::vector<bool> reached(text.size() + 1);
  reached[0] = true;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] == '*') {
      const bool any = at + 1 < pattern.size() && pattern[at + 1] == '*';
      if (any) ++at;
      for (std::size_t n = 0; n < text.size(); ++n) {
        if (reached[n] && (any || text[n] != '/')) reached[n + 1] = true;
      }
      continue;
    }
    for (std::size_t n = text.size(); n > 0; --n) {
      const char c = text[n - 1];
      reached[n] = reached[n - 1] && (pattern[at] == '?' ? c != '/' : c == pattern[at]);
    }
    reached[0] = false;
  }
  return reached[text.size()];
}

}  // namespace deimos::fake

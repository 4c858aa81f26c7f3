#include "faults/pattern.h"

#include <algorithm>

#include <deimos/internal/assert.h>

namespace deimos::fake {

Pattern::Pattern(std::string_view text) {
  DEIMOS_ASSERT(text.size() <= longest_pattern, "whoever takes a pattern checks its length");
  for (std::size_t at = 0; at < text.size(); ++tokens_) {
    if (text[at] != '*') {
      (text[at] == '?' ? takes_any_ : takes_[static_cast<unsigned char>(text[at])]).set(tokens_);
      ++at;
      continue;
    }
    // A run of stars is one token: so no two follow each other.
    const std::size_t first = at;
    at = std::min(text.find_first_not_of('*', at), text.size());
    stars_.set(tokens_);
    if (at - first > 1) double_stars_.set(tokens_);
  }
}

bool Pattern::matches(std::string_view text) const {
  States states = behind_stars(States{1});
  for (const char c : text) {
    const States& takes = takes_[static_cast<unsigned char>(c)];
    const States moved = (states & (c == '/' ? takes : takes | takes_any_)) << 1;
    states = behind_stars(moved | (states & (c == '/' ? double_stars_ : stars_)));
  }
  return states[tokens_];
}

bool pattern_matches(std::string_view pattern, std::string_view text) { return Pattern(pattern).matches(text); }

}  // namespace deimos::fake

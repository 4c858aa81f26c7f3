#include "faults/pattern.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>

#include <deimos/fake/rule.h>
#include <deimos/internal/assert.h>

namespace deimos::fake {
namespace {

/// A pattern as an automaton, all of whose states move at once. State n: everything before token n has matched.
class Automaton {
 public:
  explicit Automaton(std::string_view pattern) {
    DEIMOS_ASSERT(pattern.size() <= longest_pattern, "whoever takes a pattern checks its length");
    for (std::size_t at = 0; at < pattern.size(); ++tokens_) {
      if (pattern[at] != '*') {
        (pattern[at] == '?' ? takes_any_ : takes_[static_cast<unsigned char>(pattern[at])]).set(tokens_);
        ++at;
        continue;
      }
      // A run of stars is one token: so no two follow each other.
      const std::size_t first = at;
      at = std::min(pattern.find_first_not_of('*', at), pattern.size());
      stars_.set(tokens_);
      if (at - first > 1) double_stars_.set(tokens_);
    }
  }

  [[nodiscard]] bool matches(std::string_view text) const {
    States states = behind_stars(States{1});
    for (const char c : text) {
      const States& takes = takes_[static_cast<unsigned char>(c)];
      const States moved = (states & (c == '/' ? takes : takes | takes_any_)) << 1;
      states = behind_stars(moved | (states & (c == '/' ? double_stars_ : stars_)));
    }
    return states[tokens_];
  }

 private:
  using States = std::bitset<longest_pattern + 1>;

  /// A star may take nothing.
  [[nodiscard]] States behind_stars(const States& states) const { return states | (states & stars_) << 1; }

  std::size_t tokens_ = 0;
  std::array<States, 256> takes_{};
  States takes_any_;
  States stars_;
  States double_stars_;
};

}  // namespace

bool pattern_matches(std::string_view pattern, std::string_view text) { return Automaton(pattern).matches(text); }

}  // namespace deimos::fake

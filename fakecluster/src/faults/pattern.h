// Patterns for keys and names, made ready to be asked often.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <string_view>

#include <deimos/fake/pattern.h>
#include <deimos/fake/rule.h>

namespace deimos::fake {

/// What pattern_matches() understands. An automaton, all of whose states move at once. State n: everything before token
/// n has matched.
class Pattern {
 public:
  /// At most longest_pattern bytes.
  explicit Pattern(std::string_view text);

  /// Whether it matches all of `text`. Takes time linear in that.
  [[nodiscard]] bool matches(std::string_view text) const;

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

}  // namespace deimos::fake

#include "faults/pattern.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deimos/fake/fault.h>
#include <deimos/fake/rule.h>

namespace deimos::fake {
namespace {

/// By the definition, letter by letter; exponential.
bool plainly_matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  const auto take = [&](std::size_t stars, bool slashes) {
    for (std::size_t taken = 0;; ++taken) {
      if (plainly_matches(pattern.substr(stars), text.substr(taken))) return true;
      if (taken == text.size() || (text[taken] == '/' && !slashes)) return false;
    }
  };
  if (pattern.starts_with("**")) return take(2, true);
  if (pattern[0] == '*') return take(1, false);
  if (text.empty()) return false;
  return (pattern[0] == '?' ? text[0] != '/' : pattern[0] == text[0]) &&
         plainly_matches(pattern.substr(1), text.substr(1));
}

TEST(Pattern, OneStarStaysWithinASegmentAndTwoDoNot) {
  EXPECT_TRUE(pattern_matches("/locks/*", "/locks/a"));
  EXPECT_FALSE(pattern_matches("/locks/*", "/locks/a/b"));
  EXPECT_TRUE(pattern_matches("/locks/**", "/locks/a/b"));
  EXPECT_TRUE(pattern_matches("/locks/***b", "/locks/a/b"));
  EXPECT_TRUE(pattern_matches("/**/b", "/locks/a/b"));
  EXPECT_FALSE(pattern_matches("/?", "//"));
  EXPECT_TRUE(pattern_matches("/?*", "/ab"));
  EXPECT_TRUE(pattern_matches("", ""));
  EXPECT_FALSE(pattern_matches("", "/"));
}

RC_GTEST_PROP(PatternProperty, MatchesWhatTheDefinitionSays, ()) {
  const auto pattern =
      *rc::gen::resize(10, rc::gen::container<std::string>(rc::gen::element('*', '*', '?', '/', 'a', 'b')));
  const auto text = *rc::gen::resize(10, rc::gen::container<std::string>(rc::gen::element('/', 'a', 'a', 'b')));
  RC_ASSERT(pattern_matches(pattern, text) == plainly_matches(pattern, text));
}

TEST(Pattern, ALongOneOnALongTextTakesNoTimeToSpeakOf) {
  std::string pattern;
  while (pattern.size() + 3 <= longest_pattern) pattern += "a**";
  const std::string text(1 << 18, 'a');
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(pattern_matches(pattern + "b", text));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Pattern, ATooLongOneIsRefused) {
  Rule rule;
  rule.match.key = std::string(longest_pattern, '*');
  EXPECT_NO_THROW(validate(rule, 3));
  rule.match.key += '*';
  EXPECT_THROW(validate(rule, 3), std::invalid_argument);
  EXPECT_THROW(validate(Fault(ForgetWatchers{0, rule.match.key}), 3), std::invalid_argument);
  std::swap(rule.match.key, rule.match.client);
  EXPECT_THROW(validate(rule, 3), std::invalid_argument);
}

}  // namespace
}  // namespace deimos::fake

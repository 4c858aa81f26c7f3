// What others wrote never looks like a line of ours.
#include <deimos/internal/one_line.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include <deimos/error.h>
#include <deimos/internal/utf8.h>
#include <deimos/observer.h>

namespace deimos {
namespace {

using internal::one_line;

TEST(OneLine, LeavesWhatIsHarmless) {
  EXPECT_EQ(one_line(""), "");
  EXPECT_EQ(one_line("PUT /keys/a?b=c \\ ~"), "PUT /keys/a?b=c \\ ~");
  EXPECT_EQ(one_line("Größe 鍵 🔑"), "Größe 鍵 🔑");
}

TEST(OneLine, ShowsWhatEndsOrDisguisesALineAsBytes) {
  EXPECT_EQ(one_line("a\nb\r\tc\x1b[2K\x7f"), "a\\x0ab\\x0d\\x09c\\x1b[2K\\x7f");
  EXPECT_EQ(one_line(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(one_line("\xc2\x85"), "\\xc2\\x85") << "next line";
  EXPECT_EQ(one_line("\xe2\x80\xa8"), "\\xe2\\x80\\xa8") << "line separator";
  EXPECT_EQ(one_line("\xe2\x80\xae"), "\\xe2\\x80\\xae") << "right-to-left override";
  EXPECT_EQ(one_line("\xe2\x81\xa6"), "\\xe2\\x81\\xa6") << "isolate";
  EXPECT_EQ(one_line("\xff\xc3(\xed\xa0\x80"), "\\xff\\xc3(\\xed\\xa0\\x80") << "no UTF-8";
}

TEST(OneLine, HoldsForEveryTwoBytes) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string line = one_line(std::string{static_cast<char>(first), static_cast<char>(second)});
      EXPECT_TRUE(internal::is_utf8(line));
      for (const char c : line) EXPECT_FALSE((c >= 0 && c < ' ') || c == '\x7f');
    }
  }
}

TEST(OneLine, ErrorsAndLogsAreWrittenSo) {
  Error error = fail(errc::key_not_found, "gone\n2026 all is well").value();
  error.cause = "\xff";
  error.key = "/a\x1b[1A";
  error.method = "GET";
  EXPECT_EQ(error.describe(), "key not found: gone\\x0a2026 all is well: \\xff (GET /a\\x1b[1A)");
  EXPECT_EQ(error.message, "gone\n2026 all is well") << "its parts are as they came";
  std::ostringstream log;
  LoggingObserver observer(log);
  observer.on_failure(error);
  observer.on_watch_gap("/a\nb", 1, 2);
  observer.on_exchange_failed({.method = "GET", .key = "", .target = "/\n", .endpoint = "http://a"},
                              {Failure::Reason::broken, Delivery::unknown, "x\ny"}, {});
  const std::string text = log.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
}

}  // namespace
}  // namespace deimos

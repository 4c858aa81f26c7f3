#include "wire/percent_encoding.h"

#include <gtest/gtest.h>

namespace deimos {
namespace {

std::string encoded(std::string_view text) {
  std::string out;
  append_encoded(out, text);
  return out;
}

TEST(Encoding, LeavesOnlyUnreservedBytesAsTheyAre) {
  EXPECT_EQ(encoded("azAZ09-._~"), "azAZ09-._~");
  EXPECT_EQ(encoded("a b+c&d=e%f/g;"), "a%20b%2Bc%26d%3De%25f%2Fg%3B");
  EXPECT_EQ(encoded(std::string("\0\n\xff", 3)), "%00%0A%FF");
}

TEST(Encoding, KeepsTheSlashesOfAPath) {
  std::string out = "/keys";
  append_encoded_path(out, "/a b/c");
  EXPECT_EQ(out, "/keys/a%20b/c");
}

TEST(Encoding, SeparatesParametersOfAFormAndOfAQuery) {
  std::string form;
  append_parameter(form, "value", "a=b");
  append_parameter(form, "ttl", "5");
  EXPECT_EQ(form, "value=a%3Db&ttl=5");
  std::string target = "/keys/a?";
  append_parameter(target, "recursive", "true");
  append_parameter(target, "sorted", "true");
  EXPECT_EQ(target, "/keys/a?recursive=true&sorted=true");
}

TEST(Key, HasOneSpelling) {
  EXPECT_EQ(normalize_key("a/b").value(), "/a/b");
  EXPECT_EQ(normalize_key("/a/b").value(), "/a/b");
  EXPECT_EQ(normalize_key("/a/b/").value(), "/a/b");
  EXPECT_EQ(normalize_key("/").value(), "/");
  EXPECT_EQ(normalize_key("/.a/..b/c.").value(), "/.a/..b/c.");
  EXPECT_EQ(normalize_key("/\xff\n%2F").value(), "/\xff\n%2F");
}

TEST(Key, IsRefusedWithAReasonIfTheServerWouldReadAnother) {
  for (const char* key : {"", "//", "/a//b", "a//", "/a/./b", "/..", "../a", "a/.."}) {
    const auto refused = normalize_key(key);
    ASSERT_FALSE(refused) << key;
    EXPECT_EQ(refused.error().code, errc::invalid_key) << key;
    EXPECT_NE(refused.error().message, "") << key;
  }
  EXPECT_FALSE(normalize_key(std::string_view("a\0b", 3)));
  EXPECT_TRUE(normalize_key(std::string(4096, 'a')));
  EXPECT_FALSE(normalize_key(std::string(4097, 'a')));
}

}  // namespace
}  // namespace deimos

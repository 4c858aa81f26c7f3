// Stores for locks by URL, and managers by name.
#include <deimos/lock_registry.h>

#include <string>
#include <vector>

#include "locks/lock_world.h"

namespace deimos::lock_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string refusal(const Error& error) {
  EXPECT_EQ(error.code, errc::invalid_argument);
  return error.message;
}

TEST(LockStoreUrl, IsTakenApart) {
  Result<LockStoreUrl> url =
      LockStoreUrl::parse("ETCD://me:a%3Ab%40c@one:1,two,[::1]:3/a/b%20c/?owner=x%26y&ttl=1.5s&tls=on&n=7");
  ASSERT_TRUE(url) << url.error().describe();
  EXPECT_EQ(url->scheme, "etcd");
  EXPECT_EQ(url->user, "me");
  EXPECT_EQ(url->password, "a:b@c");
  EXPECT_THAT(url->hosts, ElementsAre("one:1", "two", "[::1]:3"));
  EXPECT_EQ(url->prefix, "/a/b c");
  std::string owner;
  Duration ttl{};
  bool tls = false;
  int n = 0;
  bool other = true;
  url->options.take("owner", owner);
  url->options.take("ttl", ttl);
  url->options.take("tls", tls);
  url->options.take("n", n);
  url->options.take("other", other);
  EXPECT_TRUE(url->options.finish());
  EXPECT_EQ(owner, "x&y");
  EXPECT_EQ(ttl, 1500ms);
  EXPECT_TRUE(tls);
  EXPECT_EQ(n, 7);
  EXPECT_TRUE(other) << "not there: left as it was";
}

TEST(LockStoreUrl, NeedsNoMoreThanAHost) {
  const Result<LockStoreUrl> url = LockStoreUrl::parse("deimos://localhost");
  ASSERT_TRUE(url) << url.error().describe();
  EXPECT_FALSE(url->user);
  EXPECT_FALSE(url->password);
  EXPECT_EQ(url->prefix, "");
}

TEST(LockStoreUrl, SaysWhatIsWrongWithIt) {
  const auto wrong = [](const std::string& text) {
    const auto url = LockStoreUrl::parse(text);
    return url ? "nothing" : refusal(url.error());
  };
  EXPECT_THAT(wrong(""), HasSubstr("not a URL of a store"));
  EXPECT_THAT(wrong("localhost:4001"), HasSubstr("not a URL of a store"));
  EXPECT_THAT(wrong("://host"), HasSubstr("not a URL of a store"));
  EXPECT_THAT(wrong("a b://host"), HasSubstr("not a URL of a store"));
  EXPECT_THAT(wrong("etcd://"), HasSubstr("a host is missing"));
  EXPECT_THAT(wrong("etcd://a,,b"), HasSubstr("a host is missing"));
  EXPECT_THAT(wrong("etcd://a,"), HasSubstr("a host is missing"));
  EXPECT_THAT(wrong("etcd:///locks"), HasSubstr("a host is missing"));
  EXPECT_THAT(wrong("etcd://a/b#c"), HasSubstr("#"));
  EXPECT_THAT(wrong("etcd://a/b%2"), HasSubstr("the prefix has a %"));
  EXPECT_THAT(wrong("etcd://a/b%00"), HasSubstr("the prefix is not printable"));
  EXPECT_THAT(wrong("etcd://a/b%ff"), HasSubstr("the prefix is not printable"));
  EXPECT_THAT(wrong("etcd://a?ttl"), HasSubstr("'ttl' has no value"));
  EXPECT_THAT(wrong("etcd://a?=1"), HasSubstr("no name"));
  EXPECT_THAT(wrong("etcd://a?ttl=1s&ttl=2s"), HasSubstr("'ttl' is there twice"));
  EXPECT_THAT(wrong("etcd://me:secret%zz@a"), AllOf(HasSubstr("the password"), Not(HasSubstr("secret"))));
  EXPECT_THAT(wrong("etcd://a/" + std::string(8192, 'x')), HasSubstr("at most 8192"));
  EXPECT_EQ(wrong("etcd://a/" + std::string(8192 - 9, 'x')), "nothing");
}

class LockRegistryTest : public ::testing::Test {
 protected:
  LockRegistryTest() : registry(world.runtime) {
    registry.add_scheme("world", [this](LockStoreUrl& url) -> Result<OpenedLockStore> {
      url.options.take("colour", colour);
      return OpenedLockStore{std::make_shared<DeimosBackend>(world.client()), world.runtime};
    });
  }
  std::string wrong(const std::string& url) {
    const auto opened = registry.open(url);
    return opened ? "nothing" : refusal(opened.error());
  }

  World world;
  std::string colour;
  LockRegistry registry;
};

TEST_F(LockRegistryTest, FindsManagersByName) {
  ASSERT_TRUE(registry.add("one", "world://here/first?ttl=4s&owner=me&colour=red"));
  ASSERT_TRUE(registry.add("two", "world://here/second"));
  EXPECT_THAT(registry.names(), ElementsAre("one", "two"));
  const Hold hold = registry.find("one").value()->mutex("a").acquire().value();
  EXPECT_EQ(colour, "red");
  EXPECT_THAT(world.value_of("/first/a"), HasSubstr("me:"));
  EXPECT_LE(hold.expires_at(), world.runtime->now() + 4s);
  EXPECT_TRUE(registry.find("two").value()->mutex("a").acquire({.wait = 0s})) << "a prefix of its own";
  EXPECT_EQ(refusal(registry.find("three").error()), "there is no lock manager 'three'; there are: one two");
}

TEST_F(LockRegistryTest, ANameIsTakenOnce) {
  ASSERT_TRUE(registry.add("one", "world://here/first"));
  EXPECT_THAT(refusal(registry.add("one", "world://here/second").error()), HasSubstr("'one' already"));
  EXPECT_TRUE(registry.find("one").value()->mutex("a").acquire());
  EXPECT_EQ(world.value_of("/first/a"), "");
}

TEST_F(LockRegistryTest, SaysWhatIsWrongWithAUrl) {
  EXPECT_THAT(wrong("zookeeper://here"), HasSubstr("there are deimos, etcd, etcd2, world"));
  EXPECT_THAT(wrong("redis://here"), HasSubstr("call add_redis()"));
  EXPECT_THAT(wrong("world://here?color=red"),
              AllOf(HasSubstr("no option 'color'"), HasSubstr("colour"), HasSubstr("ttl")));
  EXPECT_THAT(wrong("world://here?ttl=4"), HasSubstr("'ttl' must be a duration as 30s"));
  EXPECT_THAT(wrong("deimos://here?tls=yes"), HasSubstr("'tls' must be on or off"));
  EXPECT_THAT(wrong("deimos://here:0"), HasSubstr("here:0"));
  EXPECT_THAT(wrong("etcd://here?ca_file=/no/such/file"), HasSubstr("/no/such/file"));
  EXPECT_EQ(wrong("deimos://here,there:7?connect_timeout=100ms&sync_interval=5s"), "nothing");
  EXPECT_EQ(wrong("etcd://user:secret@here/locks?attempt_timeout=100ms"), "nothing");
  // What LockOptions refuses is refused as always: by every use.
  const auto opened = registry.open("world://here?ttl=1ms");
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->mutex("a").acquire().error().code, errc::invalid_argument);
}

TEST_F(LockRegistryTest, ClosesAllAtOnce) {
  std::vector<Hold> holds;
  for (const char* name : {"one", "two", "three"}) {
    ASSERT_TRUE(registry.add(name, std::string("world://here/") + name + "?request_timeout=10s"));
    holds.push_back(registry.find(name).value()->mutex("a").acquire().value());
  }
  const auto kept = registry.find("one").value();
  registry.close();
  for (const Hold& hold : holds) EXPECT_TRUE(hold.lost().stop_requested());
  EXPECT_EQ(world.value_of("/one/a") + world.value_of("/two/a") + world.value_of("/three/a"), "");
  EXPECT_EQ(kept->mutex("a").acquire().error().code, errc::closed);
  EXPECT_EQ(registry.find("one").error().code, errc::closed);
  EXPECT_EQ(registry.add("four", "world://here").error().code, errc::closed);
  EXPECT_THAT(registry.names(), ElementsAre());
  registry.close();
}

}  // namespace
}  // namespace deimos::lock_test

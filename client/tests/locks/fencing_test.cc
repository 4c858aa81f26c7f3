// What refuses the writers of the past.
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include <deimos/fenced_key.h>
#include <deimos/fencing_guard.h>

#include "locks/lock_world.h"

namespace deimos::lock_test {
namespace {

TEST(FencingGuardTest, WhoComesWithALowerTokenIsRefused) {
  FencingGuard guard;
  EXPECT_TRUE(guard.admit(5));
  EXPECT_TRUE(guard.admit(5)) << "the same holder, once more";
  EXPECT_FALSE(guard.admit(4));
  EXPECT_TRUE(guard.admit(9));
  EXPECT_FALSE(guard.admit(5));
  EXPECT_THAT(guard.check(8), FailsWith(errc::lock_not_held));
  EXPECT_EQ(guard.highest(), 9U);
  EXPECT_THAT(guard.check(0), FailsWith(errc::invalid_argument)) << "what a lock says that is not held";
  EXPECT_EQ(guard.highest(), 9U);
  EXPECT_TRUE(guard.admit(std::numeric_limits<std::uint64_t>::max()));
}

TEST(FencingGuardTest, ItGoesOnFromWhatWasKept) {
  FencingGuard guard(7);
  EXPECT_FALSE(guard.admit(6));
  EXPECT_TRUE(guard.admit(7));
}

TEST(FencingGuardTest, TheWriteIsDoneOnlyIfItMay) {
  FencingGuard guard;
  std::string written;
  EXPECT_THAT(guard.run(5, [&](std::uint64_t token) { written = std::to_string(token); }), Succeeds());
  EXPECT_EQ(written, "5");
  EXPECT_EQ(guard.run(6, [](std::uint64_t) { return 42; }).value(), 42);
  EXPECT_THAT(guard.run(5, [&](std::uint64_t) { written = "too late"; }), FailsWith(errc::lock_not_held));
  EXPECT_EQ(written, "5");
}

class FencedKeyTest : public ::testing::Test {
 protected:
  World world;
  FencedKey key = FencedKey(world.client(), "/jobs/state");
};

TEST_F(FencedKeyTest, ANewerHolderKeepsOlderOnesOut) {
  EXPECT_EQ(key.read().value(), std::nullopt);
  ASSERT_THAT(key.write(5, "a"), Succeeds());
  ASSERT_THAT(key.write(5, "b; c"), Succeeds());
  EXPECT_EQ(key.read().value()->text, "b; c");
  EXPECT_EQ(key.read().value()->fencing_token, 5U);
  ASSERT_THAT(key.write(9, "d"), Succeeds());
  EXPECT_THAT(key.write(5, "e"), FailsWith(errc::lock_not_held));
  EXPECT_THAT(key.write(8, "e"), FailsWith(errc::lock_not_held));
  EXPECT_THAT(key.write(0, "e"), FailsWith(errc::invalid_argument));
  EXPECT_EQ(key.read().value()->text, "d");
}

TEST_F(FencedKeyTest, TheIndexIsThatOfTheWrite) {
  const std::uint64_t index = key.write(5, "a").value();
  EXPECT_EQ(key.read().value()->index, index);
  EXPECT_EQ(world.client().get("/jobs/state")->node.modified_index, index);
}

TEST_F(FencedKeyTest, WhatOthersWroteIsReadAsItIs) {
  for (const std::string text :
       {"", "plain", "fenced", "fenced ;", "fenced x;", "fenced 5", "fenced 99999999999999999999;x"}) {
    ASSERT_TRUE(world.client().set("/jobs/state", text));
    EXPECT_EQ(key.read().value()->text, text);
    EXPECT_EQ(key.read().value()->fencing_token, 0U);
    ASSERT_THAT(key.write(1, "taken"), Succeeds());
    EXPECT_EQ(key.read().value()->text, "taken");
  }
}

TEST_F(FencedKeyTest, HoldersThatWriteAtOnceLeaveTheNewest) {
  std::vector<std::unique_ptr<Task>> tasks;
  int refused = 0;
  int done = 0;
  for (std::uint64_t token = 1; token <= 8; ++token) {
    tasks.push_back(world.spawn("writer", [&, token] {
      for (int i = 0; i < 5; ++i) {
        const auto written = key.write(token, std::to_string(token));
        if (!written) {
          EXPECT_THAT(written, FailsWith(errc::lock_not_held));
          ++refused;
        }
        world.sleep(1ms);
      }
      ++done;
    }));
  }
  while (done < 8) world.sleep(10ms);
  EXPECT_EQ(key.read().value()->text, "8");
  EXPECT_GT(refused, 0);
}

TEST_F(FencedKeyTest, WhoReadBeforeANewerHolderWroteIsRefused) {
  struct Overtaker final : Observer {
    explicit Overtaker(FencedKey& newer) : newer_key(newer) {}
    void on_request(const Attempt& attempt) override {
      if (attempt.method != "PUT" || std::exchange(done, true)) return;
      EXPECT_THAT(newer_key.write(9, "newer"), Succeeds());
    }
    FencedKey& newer_key;
    bool done = false;
  };
  ASSERT_THAT(key.write(5, "older"), Succeeds());
  const auto overtaker = std::make_shared<Overtaker>(key);
  EXPECT_THAT(FencedKey(world.client(overtaker), "/jobs/state").write(5, "late"), FailsWith(errc::lock_not_held));
  EXPECT_TRUE(overtaker->done);
  EXPECT_EQ(key.read().value()->text, "newer");
}

TEST_F(FencedKeyTest, ADirectoryIsNoKey) {
  ASSERT_TRUE(world.client().create_directory("/jobs/state"));
  EXPECT_THAT(key.read(), FailsWith(errc::not_a_file));
  EXPECT_THAT(key.write(5, "x"), FailsWith(errc::not_a_file));
}

TEST_F(FencedKeyTest, AHolderThatStoodStillCannotWriteOverTheNext) {  // the classic failure
  Member& first = world.add();
  Member& second = world.add();
  const Hold stale = first.locks->mutex("a").acquire().value();
  first.faults->black_hole();
  world.sleep(15s);
  const Hold fresh = second.locks->mutex("a").acquire().value();
  ASSERT_THAT(key.write(fresh.fencing_token(), "right"), Succeeds());
  EXPECT_THAT(key.write(stale.fencing_token(), "wrong"), FailsWith(errc::lock_not_held));
  EXPECT_EQ(key.read().value()->text, "right");
}

}  // namespace
}  // namespace deimos::lock_test

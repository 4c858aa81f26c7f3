// Observing who holds which lock, from outside.
#include <string>
#include <vector>

#include "locks/lock_world.h"

namespace deimos::lock_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class LockWatcherTest : public ::testing::Test {
 protected:
  struct Observed {
    std::vector<std::string> told = {};  ///< `acquired a by alice`
    std::vector<LockChange> changes = {};
    std::optional<Result<void>> end = {};
    std::stop_source cancel = {};
    std::unique_ptr<Task> task = {};
    ~Observed() { cancel.request_stop(); }
  };
  Observed& observe(const std::string& below = {}) {
    Observed& observed = *observed_.emplace_back(std::make_unique<Observed>());
    observed.task = world.spawn("observer", [this, &observed, below] {
      observed.end = watcher.locks->observe(
          [&](const LockChange& change) {
            observed.told.push_back(std::string(to_string(change.kind)) + " " + change.lock.name + " by " +
                                    change.lock.owner);
            observed.changes.push_back(change);
          },
          observed.cancel.get_token(), below);
    });
    settle();
    return observed;
  }
  void settle() { world.sleep(300ms); }
  /// What was told since it was last asked.
  std::vector<std::string> news(Observed& observed) {
    settle();
    return std::exchange(observed.told, {});
  }

  World world;
  Member& alice = world.add({.ttl = 10s, .owner = "alice"});
  Member& bob = world.add({.ttl = 10s, .owner = "bob"});
  Member& watcher = world.add();

 private:
  std::vector<std::unique_ptr<Observed>> observed_;
};

TEST_F(LockWatcherTest, TellsOfEveryAcquisitionAndRelease) {
  Observed& observed = observe();
  EXPECT_THAT(observed.told, IsEmpty());
  { const Hold hold = alice.locks->mutex("a").acquire().value(); }
  { const Hold hold = bob.locks->mutex("b/c").acquire().value(); }
  EXPECT_THAT(news(observed),
              ElementsAre("acquired a by alice", "released a by alice", "acquired b/c by bob", "released b/c by bob"));
}

TEST_F(LockWatcherTest, BeginsWithWhatIsThere) {
  const Hold hold = alice.locks->mutex("a").acquire().value();
  const Hold fair = bob.locks->mutex("f", {.fairness = Fairness::fair}).acquire().value();
  EXPECT_THAT(observe().told, UnorderedElementsAre("acquired a by alice", "acquired f by bob"));
}

TEST_F(LockWatcherTest, TellsOfQueuesWhoWaitsAndWhoseTurnItIs) {
  Observed& observed = observe();
  std::optional<Hold> first = alice.locks->mutex("f", {.fairness = Fairness::fair}).acquire().value();
  std::optional<Hold> second;
  const auto waiting =
      world.spawn("bob", [&] { second = bob.locks->mutex("f", {.fairness = Fairness::fair}).acquire().value(); });
  EXPECT_THAT(news(observed), ElementsAre("acquired f by alice", "queued f by bob"));
  first.reset();
  EXPECT_THAT(news(observed), ElementsAre("released f by alice", "acquired f by bob"));
  second.reset();
  EXPECT_THAT(news(observed), ElementsAre("released f by bob"));
}

TEST_F(LockWatcherTest, TellsWhoLeavesAQueueWithoutHavingHadTheLock) {
  Observed& observed = observe();
  const Hold first = alice.locks->shared_mutex("s").acquire().value();
  EXPECT_FALSE(bob.locks->shared_mutex("s").acquire_shared(within(1s)));
  EXPECT_THAT(news(observed), ElementsAre("acquired s by alice", "queued s by bob", "released s by bob"));
  EXPECT_TRUE(observed.changes.back().lock.waiting);
}

TEST_F(LockWatcherTest, TellsOfReadersTogetherAndOfADowngrade) {
  Observed& observed = observe();
  const Hold writer = alice.locks->shared_mutex("s").acquire().value();
  std::optional<Hold> reader;
  const auto waiting = world.spawn("bob", [&] { reader = bob.locks->shared_mutex("s").acquire_shared().value(); });
  EXPECT_THAT(news(observed), ElementsAre("acquired s by alice", "queued s by bob"));
  ASSERT_THAT(writer.downgrade(), Succeeds());
  EXPECT_THAT(news(observed), ElementsAre("acquired s by bob"));
}

TEST_F(LockWatcherTest, ASemaphoresPermitsAreCounted) {
  const Semaphore semaphore = alice.locks->semaphore("p", {.permits = 2});
  { const Hold first = semaphore.acquire().value(); }  // From now on the store knows how many there are.
  Observed& observed = observe();
  const Hold two = semaphore.acquire(2).value();
  std::optional<Hold> one;
  const auto waiting = world.spawn("bob", [&] { one = bob.locks->semaphore("p", {.permits = 2}).acquire().value(); });
  EXPECT_THAT(news(observed), ElementsAre("acquired p by alice", "queued p by bob"));
  ASSERT_THAT(semaphore.resize(3), Succeeds());
  EXPECT_THAT(news(observed), ElementsAre("acquired p by bob"));
}

TEST_F(LockWatcherTest, TellsOfLeasesThatEndAndOfTakeOvers) {
  Observed& observed = observe();
  const auto lost = alice.locks->mutex("a").acquire();
  alice.faults->black_hole();
  world.sleep(15s);
  EXPECT_THAT(news(observed), ElementsAre("acquired a by alice", "expired a by alice"));
  World slow({.sweep_interval = 1h});
  Member& gone = slow.add({.ttl = 2s, .owner = "alice"});
  Member& next = slow.add({.ttl = 10s, .owner = "bob"});
  std::vector<std::string> told;
  std::stop_source stop;
  const auto task = slow.spawn("observer", [&] {
    (void)slow.add().locks->observe(
        [&](const LockChange& change) {
          told.push_back(std::string(to_string(change.kind)) + " by " + change.lock.owner);
        },
        stop.get_token());
  });
  const auto old = gone.locks->mutex("a").acquire();
  gone.faults->black_hole();
  const Hold taken = next.locks->mutex("a").acquire().value();
  slow.sleep(1s);
  EXPECT_THAT(told, ElementsAre("acquired by alice", "expired by alice", "acquired by bob"));
  stop.request_stop();
}

TEST_F(LockWatcherTest, RenewalsAreNoNews) {
  const Hold hold = alice.locks->mutex("a").acquire().value();
  const Hold fair = alice.locks->mutex("f", {.fairness = Fairness::fair}).acquire().value();
  Observed& observed = observe();
  observed.told.clear();
  const int before = watcher.faults->count(Step::list);
  world.sleep(5min);
  EXPECT_THAT(observed.told, IsEmpty());
  EXPECT_LE(watcher.faults->count(Step::list) - before, 11) << "a reading in 30 s";
}

TEST_F(LockWatcherTest, WhatHappensWhileTheHistoryIsOvertakenIsTold) {  // without gap
  std::optional<Hold> hold = alice.locks->mutex("a").acquire().value();
  const Hold stays = alice.locks->mutex("stays").acquire().value();
  Observed& observed = observe();
  observed.told.clear();
  watcher.faults->black_hole();
  world.sleep(6s);  // The poll that was under way has ended.
  hold.reset();
  const Hold other = bob.locks->mutex("b").acquire().value();
  for (int i = 0; i < 1100; ++i) ASSERT_TRUE(world.client().set("/x", "y"));
  watcher.faults->heal();
  world.sleep(10s);
  EXPECT_THAT(news(observed), ElementsAre("gone a by alice", "acquired b by bob"));
}

TEST_F(LockWatcherTest, ADirectoryThatIsDeletedTakesItsLocksAlong) {
  const Hold hold = alice.locks->mutex("d/a").acquire().value();
  Observed& observed = observe();
  observed.told.clear();
  ASSERT_TRUE(world.client().remove("/locks/d", {.recursive = true}));
  EXPECT_THAT(news(observed), ElementsAre("gone d/a by alice"));
}

TEST_F(LockWatcherTest, OnlyThosePartsThatAreAskedFor) {
  Observed& observed = observe("mine");
  const Hold in = alice.locks->mutex("mine/a").acquire().value();
  const Hold out = alice.locks->mutex("yours/a").acquire().value();
  const Hold similar = alice.locks->mutex("mineral").acquire().value();
  EXPECT_THAT(news(observed), ElementsAre("acquired mine/a by alice"));
}

TEST_F(LockWatcherTest, EndsWhenItIsToldTo) {
  Observed& observed = observe();
  observed.cancel.request_stop();
  settle();
  EXPECT_THAT(*observed.end, FailsWith(errc::cancelled));
  EXPECT_EQ(world.node.statistics().watchers, 0U);
  Observed& other = observe();
  watcher.locks->close();
  settle();
  EXPECT_THAT(*other.end, FailsWith(errc::closed));
  EXPECT_THAT(alice.locks->observe([](const LockChange&) {}, {}, "//"), FailsWith(errc::invalid_key));
}

}  // namespace
}  // namespace deimos::lock_test

// Several locks at once: all or none, within one time, and never a deadlock.
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <deimos/multi_lock.h>

#include "locks/lock_world.h"

namespace deimos::lock_test {
namespace {

class MultiLockTest : public ::testing::Test {
 protected:
  World world;
  Member& first = world.add();
  Member& second = world.add();
  Mutex a = first.locks->mutex("a");
  Mutex b = first.locks->mutex("b");
  Mutex c = first.locks->mutex("c", {.fairness = Fairness::fair});
};

TEST_F(MultiLockTest, AllAreHeldAndAllAreGivenBack) {
  {
    const auto all = MultiLock({a, b, c}).acquire();
    ASSERT_THAT(all, Succeeds());
    EXPECT_TRUE(all->is_held());
    ASSERT_EQ(all->holds().size(), 3U);
    EXPECT_EQ(all->holds()[0].name(), "a");
    EXPECT_EQ(all->holds()[2].name(), "c");
    for (const char* name : {"a", "b", "c"}) EXPECT_TRUE(second.locks->is_locked(name).value());
    world.sleep(1min);
    EXPECT_TRUE(all->is_held());
  }
  for (const char* name : {"a", "b", "c"}) EXPECT_FALSE(second.locks->is_locked(name).value());
}

TEST_F(MultiLockTest, NoneIsKeptIfOneCannotBeHad) {  // G14, A11
  const Hold theirs = second.locks->mutex("b").acquire().value();
  const TimePoint start = world.runtime->now();
  EXPECT_THAT(MultiLock({a, b, c}).acquire(within(5s)), FailsWith(errc::lock_timeout));
  EXPECT_LE(world.since(start), 6s) << "one time for all of them";
  EXPECT_GE(world.since(start), 5s);
  EXPECT_FALSE(second.locks->is_locked("a").value());
  EXPECT_FALSE(second.locks->is_locked("c").value());
  EXPECT_THAT(MultiLock({a, b, c}).acquire(once()), FailsWith(errc::lock_already_held));
  EXPECT_FALSE(second.locks->is_locked("a").value());
}

TEST_F(MultiLockTest, NothingIsHeldWhileItWaits) {
  std::optional<Hold> theirs = second.locks->mutex("c", {.fairness = Fairness::fair}).acquire().value();
  std::optional<Result<MultiHold>> all;
  const auto task = world.spawn("all", [&] { all = MultiLock({a, b, c}).acquire(); });
  world.sleep(2s);
  EXPECT_FALSE(all);
  EXPECT_FALSE(second.locks->is_locked("a").value());
  theirs.reset();
  world.sleep(2s);
  ASSERT_TRUE(all);
  EXPECT_THAT(*all, Succeeds());
}

TEST_F(MultiLockTest, ReadersAndPermitsCanBeAmongThem) {
  const SharedMutex shared = first.locks->shared_mutex("s");
  const Semaphore semaphore = first.locks->semaphore("p", {.permits = 3});
  const auto one = MultiLock({a, LockPart::shared(shared), LockPart::permits(semaphore, 2)}).acquire();
  ASSERT_THAT(one, Succeeds());
  EXPECT_TRUE(second.locks->shared_mutex("s").try_lock_shared());
  second.locks->shared_mutex("s").unlock_shared();
  EXPECT_THAT(second.locks->semaphore("p", {.permits = 3}).acquire(2, once()), FailsWith(errc::lock_already_held));
  EXPECT_THAT(MultiLock({second.locks->mutex("x"), second.locks->shared_mutex("s")}).acquire(once()),
              FailsWith(errc::lock_already_held));
  EXPECT_FALSE(second.locks->is_locked("x").value());
}

TEST_F(MultiLockTest, ALossOfOneIsALossOfAll) {
  int told = 0;
  AcquireOptions options;
  options.on_lost = [&](const Error&) { ++told; };
  auto all = MultiLock({a, b}).acquire(options);
  ASSERT_THAT(all, Succeeds());
  const std::stop_token lost = all->lost();
  EXPECT_FALSE(lost.stop_requested());
  ASSERT_TRUE(second.locks->force_unlock("b").value());
  world.sleep(5s);
  EXPECT_TRUE(lost.stop_requested());
  EXPECT_FALSE(all->is_held());
  EXPECT_EQ(told, 1);
  EXPECT_THAT(all->release(), FailsWith(errc::lock_not_held));
  EXPECT_FALSE(second.locks->is_locked("a").value()) << "the others are given back all the same";
  EXPECT_THAT(all->release(), Succeeds()) << "nothing is left to do";
}

TEST_F(MultiLockTest, OneThatEndsWhileTheLastIsWaitedForIsNotCalledHeld) {  // G15
  AcquireOptions options;
  options.max_hold = 2s;
  first.faults->next(Step::enqueue, delay_answer(3s));  // Of the last of them.
  const auto all = MultiLock({a, b, c}).acquire(options);
  ASSERT_THAT(all, Succeeds());
  EXPECT_TRUE(all->is_held());
}

TEST_F(MultiLockTest, ItCanBeCancelled) {
  const Hold theirs = second.locks->mutex("b").acquire().value();
  std::stop_source stop;
  std::optional<Result<MultiHold>> all;
  const auto task = world.spawn("all", [&] { all = MultiLock({a, b}).acquire({}, stop.get_token()); });
  world.sleep(1s);
  stop.request_stop();
  world.sleep(100ms);
  ASSERT_TRUE(all);
  EXPECT_THAT(*all, FailsWith(errc::cancelled));
  EXPECT_FALSE(second.locks->is_locked("a").value());
}

TEST_F(MultiLockTest, AStoreThatIsAwayForAWhileIsWaitedFor) {
  first.faults->next(Step::enqueue, refuse());
  first.faults->next(Step::enqueue, lose_answer());
  EXPECT_THAT(MultiLock({a, c}).acquire(within(1min)), Succeeds());
}

TEST_F(MultiLockTest, WhatCannotBeUsedIsRefusedBeforeAnythingIsSent) {
  EXPECT_THAT(MultiLock(std::vector<LockPart>()).acquire(), FailsWith(errc::invalid_argument));
  EXPECT_THAT(MultiLock({a, first.locks->mutex("//")}).acquire(), FailsWith(errc::invalid_key));
  EXPECT_EQ(first.faults->total(), 0);
}

TEST_F(MultiLockTest, InWhateverOrderTheyAreTakenNobodyWaitsForEver) {  // G14
  std::vector<std::unique_ptr<Task>> tasks;
  std::set<int> inside;
  int done = 0;
  constexpr int workers = 6;
  constexpr int rounds = 8;
  for (int worker = 0; worker < workers; ++worker) {
    tasks.push_back(world.spawn("worker", [&, worker] {
      Member& member = worker % 2 == 0 ? first : second;
      const std::vector<Mutex> mutexes = {member.locks->mutex("a"), member.locks->mutex("b"),
                                          member.locks->mutex("c", {.fairness = Fairness::fair})};
      std::vector<LockPart> parts;
      for (int i = 0; i < 3; ++i)
        parts.emplace_back(mutexes[static_cast<std::size_t>((worker + i * (worker < 3 ? 1 : 2)) % 3)]);
      for (int round = 0; round < rounds; ++round) {
        const auto all = MultiLock(parts).acquire();
        ASSERT_THAT(all, Succeeds());
        ASSERT_TRUE(inside.insert(worker).second);
        ASSERT_EQ(inside.size(), 1U);
        world.sleep(20ms);
        inside.erase(worker);
      }
      ++done;
    }));
  }
  const TimePoint start = world.runtime->now();
  while (done < workers && world.since(start) < 10min) world.sleep(100ms);
  EXPECT_EQ(done, workers);
}

TEST_F(MultiLockTest, TheStandardsScopedLockDoesNotDeadlockEither) {
  std::vector<std::unique_ptr<Task>> tasks;
  int done = 0;
  for (int worker = 0; worker < 4; ++worker) {
    tasks.push_back(world.spawn("worker", [&, worker] {
      Member& member = worker % 2 == 0 ? first : second;
      const Mutex one = member.locks->mutex("a");
      const Mutex two = member.locks->mutex("b");
      const Mutex three = member.locks->mutex("c", {.fairness = Fairness::fair});
      for (int round = 0; round < 5; ++round) {
        if (worker < 2) {
          const std::scoped_lock all(one, two, three);
          world.sleep(10ms);
        } else {
          const std::scoped_lock all(three, two, one);
          world.sleep(10ms);
        }
      }
      ++done;
    }));
  }
  const TimePoint start = world.runtime->now();
  while (done < 4 && world.since(start) < 10min) world.sleep(100ms);
  EXPECT_EQ(done, 4);
}

}  // namespace
}  // namespace deimos::lock_test

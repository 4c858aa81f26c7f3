// Callbacks, destruction, closing, and the manager's own calls: laws 5, 7, 8 and 10; hazards I8 and J.
#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>

#include "locks/lock_world.h"

namespace deimos::lock_test {
namespace {

class LockLifecycle : public ::testing::Test {
 protected:
  World world;
  Member& ours = world.add();
  Member& theirs = world.add();
  Mutex mutex = ours.locks->mutex("a");

  AcquireOptions telling(std::function<void()> callback) {
    AcquireOptions options;
    options.on_lost = [callback = std::move(callback)](const Error&) { callback(); };
    return options;
  }
  void lose(const std::string& name) {
    const auto forced = ours.locks->force_unlock(name);
    ASSERT_THAT(forced, Succeeds());
    ASSERT_TRUE(*forced);
  }
};

/// Counts the tasks that run.
class CountingRuntime final : public Runtime {
 public:
  explicit CountingRuntime(std::shared_ptr<Runtime> real) : real_(std::move(real)) {}
  [[nodiscard]] TimePoint now() const noexcept override { return real_->now(); }
  [[nodiscard]] std::unique_ptr<Signal> make_signal() override { return real_->make_signal(); }
  [[nodiscard]] std::unique_ptr<Task> spawn(std::string name, std::function<void(std::stop_token)> body) override {
    if (broken || spawned >= most) throw std::runtime_error("no more threads");
    ++spawned;
    if (on_spawn) on_spawn();
    return real_->spawn(std::move(name), std::move(body));
  }
  [[nodiscard]] std::uint64_t random() override { return real_->random(); }
  [[nodiscard]] TaskId current_task() const noexcept override { return real_->current_task(); }

  int spawned = 0;
  int most = std::numeric_limits<int>::max();
  bool broken = false;
  std::function<void()> on_spawn;

 private:
  const std::shared_ptr<Runtime> real_;
};

TEST_F(LockLifecycle, QuestionsAboutALockDoNotWaitForTheNetwork) {  // I8, J7, law 10
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  ours.faults->black_hole();
  const auto renewing = world.spawn("renewing", [&] { EXPECT_FALSE(hold->renew()); });
  const auto waiting = world.spawn("waiting", [&] { EXPECT_FALSE(ours.locks->mutex("b").acquire(within(3s))); });
  world.sleep(1ms);
  const TimePoint start = world.runtime->now();
  EXPECT_TRUE(mutex.is_held());
  EXPECT_TRUE(hold->is_held());
  EXPECT_NE(mutex.fencing_token(), 0U);
  EXPECT_GT(mutex.expires_at(), start);
  EXPECT_FALSE(mutex.lost().stop_requested());
  EXPECT_FALSE(ours.locks->mutex("b").is_held());
  EXPECT_EQ(world.runtime->now(), start);
}

TEST_F(LockLifecycle, ALossCallbackMayUseTheLock) {  // J3, J5
  int told = 0;
  std::optional<Hold> again;
  auto hold = mutex.acquire(telling([&] {
    ++told;
    EXPECT_FALSE(mutex.is_held());
    EXPECT_THAT(mutex.info(), Succeeds());
    mutex.unlock();
    auto next = mutex.acquire(within(1s));
    ASSERT_THAT(next, Succeeds());
    again = std::move(*next);
  }));
  ASSERT_THAT(hold, Succeeds());
  lose("a");
  world.sleep(1ms);
  EXPECT_EQ(told, 1);
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->is_held());
}

TEST_F(LockLifecycle, ALossCallbackMayDestroyHoldMutexAndManager) {  // J2
  auto own = std::make_unique<LockManager>(ours.faults, world.runtime, LockOptions{.prefix = "/own"});
  auto own_mutex = std::make_unique<Mutex>(own->mutex("x"));
  std::optional<Hold> hold;
  bool told = false;
  auto granted = own_mutex->acquire(telling([&] {
    hold.reset();
    own_mutex.reset();
    own.reset();
    told = true;
  }));
  ASSERT_THAT(granted, Succeeds());
  hold = std::move(*granted);
  ASSERT_THAT(own->force_unlock("x"), Succeeds());
  world.sleep(1ms);
  EXPECT_TRUE(told);
  EXPECT_EQ(own, nullptr);
}

TEST_F(LockLifecycle, AStopCallbackOfLostMayDestroyTheHold) {  // J2
  auto granted = mutex.acquire();
  ASSERT_THAT(granted, Succeeds());
  std::optional<Hold> hold = std::move(*granted);
  int told = 0;
  const std::stop_callback on_lost(hold->lost(), [&] {
    ++told;
    hold.reset();
  });
  lose("a");
  world.sleep(1ms);
  EXPECT_EQ(told, 1);
}

TEST_F(LockLifecycle, ASlowCallbackDelaysNeitherRenewalsNorOtherLosses) {  // law 5
  auto kept = mutex.acquire();
  std::vector<Hold> holds;
  int told = 0;
  for (const std::string name : {"b", "c", "d"}) {
    auto hold = ours.locks->mutex(name).acquire(telling([&] {
      ++told;
      world.sleep(10min);
    }));
    ASSERT_THAT(hold, Succeeds());
    holds.push_back(std::move(*hold));
  }
  lose("b");
  lose("c");
  world.sleep(1s);
  EXPECT_EQ(told, 2);
  lose("d");
  world.sleep(1ms);
  EXPECT_EQ(told, 3);
  EXPECT_TRUE(holds[2].lost().stop_requested());
  world.sleep(5min);
  EXPECT_TRUE(kept->is_held());
}

TEST_F(LockLifecycle, NoLossIsToldLaterBecauseOtherCallbacksAreSlow) {  // laws 5 and 10
  auto runtime = std::make_shared<CountingRuntime>(world.runtime);
  LockManager locks(ours.faults, runtime, {.prefix = "/many"});
  std::vector<Hold> holds;
  int told = 0;
  for (int i = 0; i < 50; ++i) {
    auto hold = locks.mutex("x" + std::to_string(i)).acquire(telling([&] {
      ++told;
      world.sleep(10min);
    }));
    ASSERT_THAT(hold, Succeeds());
    holds.push_back(std::move(*hold));
  }
  EXPECT_EQ(runtime->spawned, 5) << "locks that are held need no tasks of their own";
  ours.faults->black_hole();
  world.sleep(30s);
  EXPECT_EQ(told, 50);
  for (const Hold& hold : holds) EXPECT_TRUE(hold.lost().stop_requested());
}

TEST_F(LockLifecycle, ClosingIsALossThatIsToldBeforeTheStoreIs) {  // law 12
  std::vector<std::string> order;
  AcquireOptions options;
  options.on_lost = [&](const Error& why) { order.push_back(why.code == errc::closed ? "told closed" : "told"); };
  auto hold = mutex.acquire(options);
  ASSERT_THAT(hold, Succeeds());
  ours.faults->before(Step::release, [&] {
    order.emplace_back(hold->lost().stop_requested() ? "released after lost()" : "released before lost()");
  });
  ours.locks->close();
  world.sleep(1s);
  EXPECT_THAT(order, ::testing::UnorderedElementsAre("told closed", "released after lost()"));
  EXPECT_FALSE(hold->is_held());
  EXPECT_EQ(hold->release().error().code, errc::closed);
  EXPECT_THAT(theirs.locks->mutex("a").acquire(within(1ms)), Succeeds()) << "the store was told, too";
}

TEST_F(LockLifecycle, CloseDoesNotWaitForCallbacksThatRunForLong) {
  auto hold = mutex.acquire(telling([&] { world.sleep(1h); }));
  ASSERT_THAT(hold, Succeeds());
  const TimePoint start = world.runtime->now();
  ours.locks->close();
  EXPECT_LE(world.runtime->now() - start, 11s) << "twice request_timeout";
}

TEST_F(LockLifecycle, ForceUnlockTellsALocalHolderBeforeTheStore) {
  auto hold = mutex.acquire();
  ASSERT_THAT(hold, Succeeds());
  bool was_held = true;
  ours.faults->before(Step::force_release, [&] { was_held = hold->is_held(); });
  lose("a");
  EXPECT_FALSE(was_held);
}

TEST_F(LockLifecycle, WhatACallbackOwnsIsDestroyedUnderNoMutex) {  // law 10
  struct CallsBack {
    CallsBack(const Mutex& its_mutex, int& its_count) : mutex(its_mutex), destroyed(its_count) {}
    ~CallsBack() { destroyed += mutex.is_held() ? 100 : 1; }  // Hangs if the lock's mutex is held.
    const Mutex& mutex;
    int& destroyed;
  };
  int destroyed = 0;
  { const CallsBack unheld(mutex, destroyed); }
  EXPECT_EQ(destroyed, 1);
  {
    auto hold = mutex.acquire(telling([owned = std::make_shared<CallsBack>(mutex, destroyed)] {}));
    ASSERT_THAT(hold, Succeeds());
    lose("a");
  }
  world.sleep(1s);
  EXPECT_EQ(destroyed, 1) << "the lock still knows its last acquisition";
  auto next = mutex.acquire(within(10s));
  ASSERT_THAT(next, Succeeds());
  EXPECT_EQ(destroyed, 101) << "once, by the acquisition that took its place";
}

TEST_F(LockLifecycle, EachTaskThatCannotBeStartedIsAnErrorAndNoDeadlock) {
  for (int started = 0; started < 5; ++started) {
    auto runtime = std::make_shared<CountingRuntime>(world.runtime);
    runtime->most = started;
    LockManager locks(ours.faults, runtime, {.prefix = "/few"});
    EXPECT_THAT(locks.mutex("x").acquire(), FailsWith(errc::unavailable)) << started;
    runtime->most = std::numeric_limits<int>::max();
    EXPECT_THAT(locks.mutex("x").acquire(), Succeeds()) << started;
  }
}

TEST_F(LockLifecycle, AManagerThatIsClosedWhileItsTasksBeginLeavesNone) {
  auto runtime = std::make_shared<CountingRuntime>(world.runtime);
  for (int last = 1; last <= 3; ++last) {
    auto locks = std::make_unique<LockManager>(ours.faults, runtime, LockOptions{.prefix = "/short"});
    runtime->on_spawn = [&, left = last]() mutable {
      if (--left == 0) locks->close();
    };
    EXPECT_THAT(locks->mutex("x").acquire(), FailsWith(errc::closed)) << last;
    locks.reset();
    world.sleep(1min);
    EXPECT_THAT(world.runtime->scheduler().describe_tasks(), ::testing::Not(::testing::HasSubstr("lock "))) << last;
  }
}

TEST_F(LockLifecycle, AThrowingCallbackHarmsNobody) {  // J1
  int told = 0;
  auto first = mutex.acquire(telling([&] { throw std::runtime_error("from a callback"); }));
  auto second = ours.locks->mutex("b").acquire(telling([&] { ++told; }));
  lose("a");
  world.sleep(1ms);
  lose("b");
  world.sleep(1ms);
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(first->lost().stop_requested());
}

TEST_F(LockLifecycle, NothingIsSentIfTheTasksCannotBeStarted) {  // J1
  auto runtime = std::make_shared<CountingRuntime>(world.runtime);
  runtime->broken = true;
  LockManager locks(ours.faults, runtime, {.prefix = "/many"});
  EXPECT_THAT(locks.mutex("x").acquire(once()), FailsWith(errc::unavailable));
  EXPECT_EQ(ours.faults->total(), 0);
  runtime->broken = false;
  EXPECT_THAT(locks.mutex("x").acquire(once()), Succeeds());
}

TEST_F(LockLifecycle, UnlockIsBoundedWhateverTheNetworkDoes) {  // law 8, J4
  mutex.lock();
  ours.faults->black_hole();
  const TimePoint start = world.runtime->now();
  mutex.unlock();
  EXPECT_EQ(world.since(start), 5s);
  EXPECT_FALSE(mutex.is_held());
  EXPECT_EQ(ours.seen(LockEvent::Kind::left_to_cleaner), 1);
  ours.faults->heal();
  world.sleep(10s);
  EXPECT_EQ(world.value_of("/locks/a"), "");
}

TEST_F(LockLifecycle, ACleanUpThatNeverReachesTheStoreEndsWithTheLease) {
  mutex.lock();
  ours.faults->black_hole();
  mutex.unlock();
  world.sleep(1min);
  EXPECT_EQ(ours.seen(LockEvent::Kind::left_to_expire), 1);
  const int total = ours.faults->total();
  EXPECT_LT(total, 20);
  world.sleep(10min);
  EXPECT_EQ(ours.faults->total(), total);
}

TEST_F(LockLifecycle, CloseReleasesEverythingAndEndsEveryWait) {
  auto hold = mutex.acquire();
  mutex.lock();
  auto other = ours.locks->mutex("b").acquire();
  auto blocking = theirs.locks->mutex("c").acquire();
  const auto waiter =
      world.spawn("waiter", [&] { EXPECT_THAT(ours.locks->mutex("c").acquire(), FailsWith(errc::closed)); });
  const auto in_line = world.spawn("in line", [&] { EXPECT_THAT(mutex.acquire(), FailsWith(errc::closed)); });
  world.sleep(1s);
  ours.locks->close();
  EXPECT_EQ(world.value_of("/locks/a"), "");
  EXPECT_EQ(world.value_of("/locks/b"), "");
  EXPECT_NE(world.value_of("/locks/c"), "");
  EXPECT_EQ(world.node.statistics().watchers, 0U);
  EXPECT_FALSE(hold->is_held());
  const int total = ours.faults->total();
  EXPECT_THAT(mutex.acquire(once()), FailsWith(errc::closed));
  EXPECT_THAT(hold->renew(), FailsWith(errc::closed));
  EXPECT_FALSE(hold->release());
  mutex.unlock();
  ours.locks->close();
  EXPECT_THAT(ours.locks->list(), FailsWith(errc::closed));
  EXPECT_THROW(mutex.lock(), LockError);
  world.sleep(1min);
  EXPECT_EQ(ours.faults->total(), total);
}

TEST_F(LockLifecycle, CloseIsBoundedWhateverTheNetworkDoes) {
  std::vector<Hold> holds;
  for (int i = 0; i < 20; ++i) {
    holds.push_back(std::move(*ours.locks->mutex("x" + std::to_string(i)).acquire()));
  }
  const auto waiter = world.spawn("waiter", [&] { EXPECT_FALSE(theirs.locks->mutex("x1").acquire(within(1s))); });
  ours.faults->black_hole();
  const TimePoint start = world.runtime->now();
  ours.locks.reset();
  EXPECT_LE(world.since(start), 10s);
  EXPECT_EQ(ours.seen(LockEvent::Kind::left_to_expire), 20);
}

TEST_F(LockLifecycle, LocksAndHoldsMayOutliveTheirManagerAndTheClient) {  // J8
  std::optional<Hold> hold;
  std::optional<Mutex> lock;
  {
    Client client = world.client();
    LockManager locks(client, {.prefix = "/own"});
    lock = locks.mutex("x");
    client = world.client();  // The last handle of the test's.
    hold = std::move(*lock->acquire());
    EXPECT_NE(world.value_of("/own/x"), "");
  }
  EXPECT_EQ(world.value_of("/own/x"), "");
  EXPECT_FALSE(hold->is_held());
  EXPECT_THAT(lock->acquire(once()), FailsWith(errc::closed));
}

TEST_F(LockLifecycle, AHoldKeepsItsLockWhenEveryHandleIsGone) {
  std::optional<Hold> hold = std::move(*ours.locks->mutex("b").acquire());
  ours.locks->mutex("c").lock();
  world.sleep(1min);
  EXPECT_TRUE(hold->is_held());
  EXPECT_TRUE(ours.locks->mutex("c").is_held());
  ours.locks->mutex("c").unlock();
  hold.reset();
  EXPECT_EQ(world.value_of("/locks/b"), "");
  EXPECT_EQ(world.value_of("/locks/c"), "");
}

TEST_F(LockLifecycle, HoldsMove) {
  auto first = mutex.acquire();
  auto other = ours.locks->mutex("b").acquire();
  Hold moved = std::move(*first);
  EXPECT_TRUE(moved.is_held());
  EXPECT_FALSE(first->is_held());
  EXPECT_THAT(first->release(), FailsWith(errc::lock_not_held));
  moved = std::move(*other);
  EXPECT_EQ(world.value_of("/locks/a"), "");
  EXPECT_NE(world.value_of("/locks/b"), "");
  EXPECT_EQ(moved.name(), "b");
}

TEST_F(LockLifecycle, WithLockRunsUnderTheLockAndReturnsWhatTheFunctionReturns) {
  LockManager& locks = *ours.locks;
  const Result<int> value = locks.with_lock("a", [&](const Hold& hold) {
    EXPECT_TRUE(hold.is_held());
    EXPECT_EQ(theirs.locks->try_with_lock("a", [] { return 1; }).error().code, errc::lock_already_held);
    return 42;
  });
  EXPECT_EQ(value.value(), 42);
  EXPECT_EQ(world.value_of("/locks/a"), "");
  const Result<void> none = locks.try_with_lock("a", [] {});
  EXPECT_THAT(none, Succeeds());
  const Result<void> lost = locks.with_lock("a", [&] { lose("a"); });
  EXPECT_THAT(lost, FailsWith(errc::lock_not_held));
  EXPECT_THROW((void)locks.with_lock("a", []() -> int { throw std::runtime_error("mine"); }), std::runtime_error);
  EXPECT_EQ(world.value_of("/locks/a"), "");
}

TEST_F(LockLifecycle, InfoAndListTellWhatTheStoreHas) {
  Member& named = world.add({.ttl = 10s, .owner = "host 7:worker"});
  auto a = named.locks->mutex("jobs/a").acquire();
  auto b = ours.locks->mutex("b").acquire();
  const auto all = named.locks->list();
  ASSERT_THAT(all, Succeeds());
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ((*all)[0].name, "b");
  EXPECT_EQ((*all)[0].owner, "");
  EXPECT_FALSE((*all)[0].held_here);
  EXPECT_EQ((*all)[1].name, "jobs/a");
  EXPECT_EQ((*all)[1].key, "/locks/jobs/a");
  EXPECT_EQ((*all)[1].owner, "host 7:worker");
  EXPECT_EQ((*all)[1].revision, a->fencing_token());
  EXPECT_EQ((*all)[1].ttl, 10s);
  EXPECT_TRUE((*all)[1].expires.has_value());
  EXPECT_TRUE((*all)[1].held_here);
  EXPECT_EQ(named.locks->list("jobs")->size(), 1U);
  EXPECT_EQ(named.locks->list("none")->size(), 0U);
  EXPECT_FALSE(named.locks->info("c")->has_value());
  EXPECT_EQ(*named.locks->is_locked("b"), true);
}

TEST_F(LockLifecycle, NamesThatCannotBeUsedAreRefusedBeforeAnythingIsSent) {
  for (const std::string name : {"", "/", "/a", "a/", "a//b", ".", "a/..", "_hidden", "a/_b", "a\nb", "\xff",
                                 "\xc0\x80", "\xed\xa0\x80", "a\x7f"}) {
    const Mutex bad = ours.locks->mutex(name);
    EXPECT_THAT(bad.acquire(once()), FailsWith(errc::invalid_key)) << name;
    EXPECT_THROW(bad.lock(), LockError);
    EXPECT_THROW((void)bad.try_lock(), LockError);
    bad.unlock();
    EXPECT_FALSE(bad.is_held());
    EXPECT_THAT(ours.locks->info(name), FailsWith(errc::invalid_key));
    EXPECT_THAT(ours.locks->force_unlock(name), FailsWith(errc::invalid_key));
  }
  EXPECT_THAT(ours.locks->mutex(std::string(513, 'x')).acquire(once()), FailsWith(errc::invalid_key));
  EXPECT_EQ(ours.faults->total(), 0);
  for (const std::string name : {"a b", "ü/ß", "100%", "a?b#c", "x=y&z"}) {
    auto hold = ours.locks->mutex(name).acquire(once());
    ASSERT_THAT(hold, Succeeds()) << name;
    EXPECT_EQ(ours.locks->info(name)->value().name, name);
  }
}

TEST_F(LockLifecycle, ForceUnlockOutlastsARenewalInBetween) {
  auto hold = theirs.locks->mutex("a").acquire();
  ASSERT_THAT(hold, Succeeds());
  ours.faults->before(Step::force_release, [&] { EXPECT_THAT(hold->renew(), Succeeds()); });
  const auto forced = ours.locks->force_unlock("a");
  ASSERT_THAT(forced, Succeeds());
  EXPECT_TRUE(*forced);
  EXPECT_EQ(world.value_of("/locks/a"), "");
}

}  // namespace
}  // namespace deimos::lock_test

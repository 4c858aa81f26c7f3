// Many locks of one manager, owners that wait in line, and options at their extremes.
#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "locks/lock_world.h"

namespace deimos::lock_test {
namespace {

using LockKeeping = TwoMembers;

/// A store whose renewals take a while, with any number of locks in it.
class SlowStore final : public LockBackend {
 public:
  SlowStore(std::shared_ptr<Runtime> runtime, Duration delay) : runtime_(std::move(runtime)), delay_(delay) {}
  Result<std::variant<Granted, Refused>> acquire(const std::string&, const std::string&, std::chrono::seconds,
                                                 const Deadline&) override {
    return Granted{++revision_};
  }
  Result<Granted> take_over(const LockRecord&, const std::string&, std::chrono::seconds, const Deadline&) override {
    return fail(errc::compare_failed, "not here");
  }
  Result<Granted> renew(const std::string&, const std::string&, std::uint64_t, std::chrono::seconds,
                        const Deadline&) override {
    runtime_->sleep_for(delay_);
    ++renewals;
    return Granted{++revision_};
  }
  Result<void> release(const std::string&, const std::string&, const Deadline&) override { return {}; }
  Result<void> force_release(const LockRecord&, const Deadline&) override { return {}; }
  Result<std::optional<Change>> wait_for_change(const std::string&, std::uint64_t, const Deadline&) override {
    return std::optional<Change>();
  }
  Result<Inspection> inspect(const std::string&, const Deadline&) override { return Inspection{}; }
  Result<Listing> list(const std::string&, const Deadline&) override { return Listing{}; }

  int renewals = 0;

 private:
  const std::shared_ptr<Runtime> runtime_;
  const Duration delay_;
  std::uint64_t revision_ = 0;
};

TEST_F(LockKeeping, TenThousandLocksAreKept) {  // law 7
  const auto store = std::make_shared<SlowStore>(world.runtime, 20ms);
  LockManager locks(store, world.runtime, {.ttl = 30s});
  std::vector<Hold> holds;
  for (int i = 0; i < 10'000; ++i) holds.push_back(locks.mutex("x" + std::to_string(i)).acquire().value());
  world.sleep(90s);
  int held = 0;
  for (const Hold& hold : holds) held += hold.is_held() ? 1 : 0;
  EXPECT_EQ(held, 10'000);
  EXPECT_LT(store->renewals, 10'000 * 11) << "one for each lock and renewal interval";
}

TEST_F(LockKeeping, MoreLocksThanCanBeKeptAreReportedBeforeTheyAreLost) {  // law 7
  std::map<LockEvent::Kind, int> seen;
  int lost_before_late = 0;
  const auto on_event = [&](const LockEvent& event) {
    ++seen[event.kind];
    if (event.kind == LockEvent::Kind::lost && seen[LockEvent::Kind::renewal_late] == 0) ++lost_before_late;
  };
  LockManager locks(std::make_shared<SlowStore>(world.runtime, 1s), world.runtime,
                    {.ttl = 10s, .max_renewals_at_once = 1, .on_event = on_event});
  std::vector<Hold> holds;
  for (int i = 0; i < 20; ++i) holds.push_back(locks.mutex("x" + std::to_string(i)).acquire().value());
  world.sleep(30s);
  EXPECT_GT(seen[LockEvent::Kind::renewal_late], 0);
  EXPECT_GT(seen[LockEvent::Kind::lost], 0);
  EXPECT_EQ(lost_before_late, 0);
}

TEST_F(LockKeeping, AnOwnerThatWaitsInLineReentersWhenTheLockBecomesItsOwn) {
  auto first = mutex.acquire();
  ASSERT_THAT(first, Succeeds());
  AcquireOptions seven;
  seven.owner = 7;
  int holding = 0;
  int most = 0;
  std::vector<std::unique_ptr<Task>> tasks;
  for (int i = 0; i < 2; ++i) {
    tasks.push_back(world.spawn("owner seven", [&] {
      auto hold = mutex.acquire(seven);
      ASSERT_THAT(hold, Succeeds());
      most = std::max(most, ++holding);
      world.sleep(5s);
      --holding;
    }));
  }
  world.sleep(1s);
  first->release().value();
  tasks.clear();
  EXPECT_EQ(most, 2) << "one owner, twice";
}

TEST_F(LockKeeping, AnOwnerReentersPastAnotherThatWaitsBeforeIt) {
  auto first = mutex.acquire();
  ASSERT_THAT(first, Succeeds());
  std::vector<std::uint64_t> order;
  std::vector<std::unique_ptr<Task>> tasks;
  for (const std::uint64_t owner : {7U, 8U, 7U}) {
    tasks.push_back(world.spawn("owner", [this, owner, &order] {
      AcquireOptions options;
      options.owner = owner;
      auto hold = mutex.acquire(options);
      ASSERT_THAT(hold, Succeeds());
      order.push_back(owner);
      world.sleep(5s);
    }));
    world.sleep(1ms);
  }
  first->release().value();
  tasks.clear();
  EXPECT_EQ(order, (std::vector<std::uint64_t>{7, 7, 8}));
}

TEST_F(LockKeeping, RetriesBeyondCountingDoNotGiveUpAtOnce) {
  auto held = mutex.acquire();
  ASSERT_THAT(held, Succeeds());
  AcquireOptions options;
  options.owner = 7;
  options.wait = 5s;
  options.max_retries = std::numeric_limits<int>::max();
  options.retry_interval = 24h;
  const TimePoint start = world.runtime->now();
  EXPECT_THAT(mutex.acquire(options), FailsWith(errc::lock_timeout));
  EXPECT_EQ(world.since(start), 5s);
}

TEST_F(LockKeeping, AnInstantLongPastIsOver) {
  auto held = rival.acquire();
  ASSERT_THAT(held, Succeeds());
  const TimePoint start = world.runtime->now();
  EXPECT_FALSE(mutex.try_lock_until(std::chrono::system_clock::time_point::min()));
  EXPECT_FALSE(mutex.try_lock_until(TimePoint::min()));
  EXPECT_LT(world.since(start), 6s);
}

}  // namespace
}  // namespace deimos::lock_test

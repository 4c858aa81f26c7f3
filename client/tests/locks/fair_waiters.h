// Clients that line up for one fair mutex.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "locks/lock_world.h"

namespace deimos::lock_test {

inline constexpr MutexOptions fair{.fairness = Fairness::fair};

class FairMutex : public ::testing::Test {
 protected:
  /// The lock as a client of its own has it.
  Mutex of(Member& member) { return member.locks->mutex("a", fair); }

  /// Waits for the lock in the background, and keeps it until told.
  struct Waiter {
    Member* member = nullptr;
    std::optional<Result<Hold>> hold = {};
    std::stop_source cancel = {};
    std::unique_ptr<Task> task = {};

    ~Waiter() { cancel.request_stop(); }

    [[nodiscard]] bool granted() const { return hold && hold->has_value() && (*hold)->is_held(); }
    [[nodiscard]] bool waits() const { return !hold; }
    void release() { ASSERT_THAT((*hold)->release(), Succeeds()); }
  };
  Waiter& start(Member& member, AcquireOptions options = {}) {
    Waiter& waiter = *waiters_.emplace_back(std::make_unique<Waiter>());
    waiter.member = &member;
    waiter.task = world.spawn("waiter", [this, &waiter, options] {
      waiter.hold = of(*waiter.member).acquire(options, waiter.cancel.get_token());
    });
    world.sleep(20ms);
    return waiter;
  }
  [[nodiscard]] std::vector<LockInfo> line() { return world_view.locks->line("a").value(); }
  [[nodiscard]] std::size_t places() { return line().size(); }

  World world;
  Member& world_view = world.add();
  Member& first = world.add();
  Member& second = world.add();
  Member& third = world.add();

 private:
  std::vector<std::unique_ptr<Waiter>> waiters_;
};

}  // namespace deimos::lock_test

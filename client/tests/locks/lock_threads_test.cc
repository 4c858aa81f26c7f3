// Locks on real threads and in real time, by random programs: against nodes of this process and over HTTP. What the
// simulation cannot show, the thread sanitizer sees here.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <deimos/client.h>
#include <deimos/fake/http_cluster.h>
#include <deimos/fake/in_process_transport.h>
#include <deimos/lock_manager.h>
#include <deimos/testkit/seed.h>
#include <deimos/thread_runtime.h>

namespace deimos {
namespace {

using namespace std::chrono_literals;

constexpr int locks = 3;

/// What one lock protects, and what it has seen.
struct Guarded {
  std::atomic<int> inside = 0;
  std::atomic<std::uint64_t> highest_token = 0;
  std::atomic<int> last_thread = -1;
};

/// How often what was exercised, over all threads.
struct Exercised {
  std::atomic<int> grants = 0, nested = 0, hand_overs = 0, refusals = 0, cancels = 0, forced = 0, calls_back = 0;
};

enum class Way { in_process, over_http };

class LockThreads : public ::testing::TestWithParam<Way> {
 protected:
  LockThreads() {
    std::cout << "[     SEED ] " << seed_ << "; again: " << testkit::replay_command(seed_) << std::endl;
    for (auto& manager : managers_) manager.emplace(make_client(), LockOptions{.ttl = 30s});
  }

  Client make_client() {
    ClientOptions options{.endpoints = served_.urls()};
    if (GetParam() == Way::in_process) {
      options.runtime = std::make_shared<ThreadRuntime>();
      options.transport = std::make_shared<fake::InProcessTransport>(*options.runtime, served_.cluster());
    }
    return Client(std::move(options));
  }

  /// Runs `step` some times in each of some threads, each with a random stream of its own.
  void storm(int threads, int steps, const std::function<void(int thread, std::mt19937_64& random)>& step) {
    std::vector<std::jthread> all;
    for (int thread = 0; thread < threads; ++thread) {
      all.emplace_back([&, thread] {
        std::mt19937_64 random(seed_ + static_cast<std::uint64_t>(thread) * 7919);
        for (int i = 0; i < steps; ++i) step(thread, random);
      });
    }
  }

  [[nodiscard]] static std::string name_of(std::size_t lock) { return "lock" + std::to_string(lock); }
  LockManager& any_manager(std::mt19937_64& random) { return *managers_[random() % managers_.size()]; }

  /// The critical section: nobody else is in it, unless the lock may be taken away.
  void work(std::size_t lock, const Hold& hold, int thread, std::mt19937_64& random, bool may_be_forced) {
    Guarded& guarded = guarded_[lock];
    const int before = guarded.inside.fetch_add(1);
    if (!may_be_forced) {
      EXPECT_EQ(before, 0) << name_of(lock) << " is held twice";
      EXPECT_TRUE(hold.is_held());
      const std::uint64_t highest = guarded.highest_token.exchange(hold.fencing_token());
      EXPECT_LT(highest, hold.fencing_token());
    }
    ++seen_.grants;
    if (guarded.last_thread.exchange(thread) != thread) ++seen_.hand_overs;
    for (std::uint64_t pause = random() % 4; pause > 0; --pause) std::this_thread::yield();
    guarded.inside.fetch_sub(1);
  }

  /// Once all callbacks have ended, nothing is left in the store.
  void expect_clean() {
    for (auto& manager : managers_) manager->close();
    for (auto& manager : managers_) manager.reset();
    const Client observer = make_client();
    const auto left = observer.get("/locks", {.recursive = true});
    EXPECT_TRUE(!left || left->node.children.empty());
  }

  const std::uint64_t seed_ = testkit::seed_from_environment();
  const fake::SystemClock clock_;
  fake::HttpCluster served_{{.nodes = 3, .clock = &clock_}};
  std::array<std::optional<LockManager>, 2> managers_;
  std::array<Guarded, locks> guarded_;
  Exercised seen_;
};

INSTANTIATE_TEST_SUITE_P(Over, LockThreads, ::testing::Values(Way::in_process, Way::over_http),
                         [](const auto& test) { return test.param == Way::in_process ? "InProcess" : "Http"; });

TEST_P(LockThreads, ExcludeEachOtherWhateverTheyDo) {
  storm(8, 60, [&](int thread, std::mt19937_64& random) {
    const std::size_t lock = random() % locks;
    LockManager& manager = any_manager(random);
    const Mutex mutex = manager.mutex(name_of(lock));
    std::stop_source stop;
    std::jthread canceller;
    AcquireOptions options;
    switch (random() % 8) {
      case 0: options.wait = 0s; break;
      case 1: options.wait = std::chrono::milliseconds(random() % 20); break;
      case 2: canceller = std::jthread([&] { stop.request_stop(); }); break;
      case 3:
        static_cast<void>(manager.info(name_of(lock)));
        static_cast<void>(manager.list());
        break;
      default: break;
    }
    auto hold = mutex.acquire(options, stop.get_token());
    if (!hold) {
      const std::error_code code = hold.error().code;
      // The last two: the time was over before the store was asked, or had answered.
      const bool known = code == errc::lock_already_held || code == errc::lock_timeout || code == errc::cancelled;
      EXPECT_TRUE(known || code == errc::unavailable || code == errc::outcome_unknown) << hold.error().describe();
      ++(code == errc::cancelled ? seen_.cancels : seen_.refusals);
      return;
    }
    std::optional<Hold> nested;
    if (random() % 3 == 0) {
      auto again = mutex.acquire();
      ASSERT_TRUE(again) << again.error().describe();
      EXPECT_EQ(again->fencing_token(), hold->fencing_token());
      nested = std::move(*again);
      ++seen_.nested;
    }
    if (random() % 4 == 0) {
      EXPECT_TRUE(hold->renew());
    }
    work(lock, *hold, thread, random, false);
    if (nested) {
      EXPECT_EQ(nested->release().value(), Release::nested);
    }
    EXPECT_TRUE(hold->is_held());
    EXPECT_EQ(hold->release().value(), Release::freed);
  });
  EXPECT_GT(seen_.grants, 50);
  EXPECT_GT(seen_.hand_overs, 10);
  EXPECT_GT(seen_.nested, 0);
  EXPECT_GT(seen_.refusals, 0);
  EXPECT_GT(seen_.cancels, 0);
  expect_clean();
}

TEST_P(LockThreads, OfEveryKindKeepTheirPromises) {
  constexpr SemaphoreOptions three{.permits = 3};
  constexpr MutexOptions fair{.fairness = Fairness::fair};
  std::atomic<int> fairly = 0, writers = 0, readers = 0, permits = 0, leaders = 0;
  std::atomic<int> together = 0, downgraded = 0;
  const auto acquire_some = [&](LockManager& manager, std::uint64_t kind, const AcquireOptions& options,
                                const std::stop_token& stop) -> Result<Hold> {
    switch (kind) {
      case 0: return manager.mutex("fair", fair).acquire(options, stop);
      case 1: return manager.shared_mutex("shared").acquire(options, stop);
      case 2: return manager.shared_mutex("shared").acquire_shared(options, stop);
      default: return manager.semaphore("permits", three).acquire(static_cast<int>(kind) - 2, options, stop);
    }
  };
  // Counts itself in, checks that nobody is there who must not be, and out.
  const auto work_in = [&](std::uint64_t kind, const Hold& hold) {
    if (kind == 0) {
      EXPECT_EQ(fairly.fetch_add(1), 0);
      fairly.fetch_sub(1);
    } else if (kind == 1) {
      EXPECT_EQ(writers.fetch_add(1), 0);
      EXPECT_EQ(readers, 0);
      std::this_thread::yield();
      EXPECT_EQ(readers, 0);
      writers.fetch_sub(1);
      readers.fetch_add(1);
      EXPECT_TRUE(hold.downgrade());
      ++downgraded;
      readers.fetch_sub(1);
    } else if (kind == 2) {
      if (readers.fetch_add(1) > 0) ++together;
      EXPECT_EQ(writers, 0);
      std::this_thread::yield();
      EXPECT_EQ(writers, 0);
      readers.fetch_sub(1);
    } else {
      const int wanted = static_cast<int>(kind) - 2;
      EXPECT_LE(permits.fetch_add(wanted) + wanted, 3);
      std::this_thread::yield();
      permits.fetch_sub(wanted);
    }
  };
  storm(8, 40, [&](int, std::mt19937_64& random) {
    LockManager& manager = any_manager(random);
    if (random() % 8 == 0) {
      const auto leading = manager.election("boss").campaign("me", {.wait = 10s});
      ASSERT_TRUE(leading) << leading.error().describe();
      EXPECT_EQ(leaders.fetch_add(1), 0);
      EXPECT_TRUE(leading->proclaim("at work"));
      leaders.fetch_sub(1);
      return;
    }
    const std::uint64_t kind = random() % 5;
    AcquireOptions options;
    std::stop_source stop;
    std::jthread canceller;
    if (random() % 6 == 0) options.wait = 0s;
    if (random() % 6 == 0) canceller = std::jthread([&] { stop.request_stop(); });
    const auto hold = acquire_some(manager, kind, options, stop.get_token());
    if (!hold) {
      ++(hold.error().code == errc::cancelled ? seen_.cancels : seen_.refusals);
      return;
    }
    work_in(kind, *hold);
    ++seen_.grants;
    EXPECT_TRUE(hold->is_held());
  });
  EXPECT_GT(seen_.grants, 100);
  EXPECT_GT(seen_.refusals, 0);
  EXPECT_GT(seen_.cancels, 0);
  EXPECT_GT(downgraded, 0);
  EXPECT_GT(together, 0);
  for (auto& manager : managers_) manager->close();
  const LockManager observer(make_client());
  for (const char* name : {"fair", "shared", "permits", "boss"}) {
    EXPECT_TRUE(observer.line(name)->empty()) << name;
  }
}

TEST_P(LockThreads, AreToldOnceOfALossAndMayCallBack) {
  struct Ended {
    std::shared_ptr<std::atomic<int>> told;
    bool freed = false;
  };
  std::mutex mutex;
  std::vector<Ended> all;
  storm(6, 40, [&](int thread, std::mt19937_64& random) {
    const std::size_t lock = random() % locks;
    LockManager& manager = any_manager(random);
    if (random() % 3 == 0) {
      seen_.forced += manager.force_unlock(name_of(lock)).value_or(false);
      return;
    }
    const auto told = std::make_shared<std::atomic<int>>(0);
    AcquireOptions options{.wait = 10s};
    options.on_lost = [&, told, lock](const Error& why) {
      ++*told;
      EXPECT_TRUE(why.code == errc::lock_not_held) << why.describe();
      static_cast<void>(manager.is_locked(name_of(lock)));
      if (const auto again = manager.mutex(name_of(lock)).acquire({.wait = 0s})) ++seen_.calls_back;
    };
    auto hold = manager.mutex(name_of(lock)).acquire(options);
    ASSERT_TRUE(hold) << hold.error().describe();
    work(lock, *hold, thread, random, true);
    if (random() % 2 == 0) static_cast<void>(hold->renew());
    const auto released = hold->release();
    const std::lock_guard guard(mutex);
    all.push_back({told, released && *released == Release::freed});
  });
  expect_clean();  // No callback runs any more.
  int told = 0;
  for (const Ended& ended : all) {
    EXPECT_LE(*ended.told, ended.freed ? 0 : 1) << "what was released was not lost, and a loss is told once";
    told += *ended.told;
  }
  EXPECT_GT(seen_.grants, 20);
  EXPECT_GT(seen_.forced, 0);
  EXPECT_GT(told, 0);
}

TEST_P(LockThreads, UsedWhileTheirManagerClosesAreClosedWithIt) {
  std::atomic<int> closed = 0;
  std::atomic<int> told = 0;
  std::atomic<int> held_at_the_end = 0;
  std::atomic<bool> closing = false;
  const Client client = make_client();
  auto manager = std::make_optional<LockManager>(client, LockOptions{.ttl = 30s});
  {
    std::vector<std::jthread> users;
    for (int thread = 0; thread < 6; ++thread) {
      users.emplace_back([&, thread] {
        std::mt19937_64 random(seed_ + static_cast<std::uint64_t>(thread));
        for (;;) {
          const std::size_t lock = random() % locks;
          auto hold = manager->mutex(name_of(lock)).acquire({.wait = 10s, .on_lost = [&](const Error& why) {
                                                               told += why.code == errc::closed;
                                                             }});
          if (!hold) {
            EXPECT_EQ(hold.error().code, errc::closed) << hold.error().describe();
            ++closed;
            return;
          }
          ++seen_.grants;
          if (closing) {
            // Held while it closes: told so, and not held any more.
            while (!hold->lost().stop_requested()) std::this_thread::yield();
            EXPECT_FALSE(hold->is_held());
            ++held_at_the_end;
            EXPECT_FALSE(hold->release());
            continue;
          }
          EXPECT_TRUE(hold->release() || closing);
        }
      });
    }
    const auto kept = manager->mutex("kept").acquire({.on_lost = [&](const Error& why) {
      told += why.code == errc::closed;
      ++held_at_the_end;
    }});
    ASSERT_TRUE(kept) << kept.error().describe();
    while (seen_.grants < 30) std::this_thread::yield();
    closing = true;
    manager->close();
    EXPECT_FALSE(kept->is_held());
    EXPECT_TRUE(kept->lost().stop_requested());
  }
  EXPECT_EQ(closed, 6) << "each user was refused in the end";
  EXPECT_GE(held_at_the_end, 1);
  EXPECT_GE(told, held_at_the_end) << "each that was held heard of it";
  for (std::size_t lock = 0; lock < locks; ++lock) {
    EXPECT_EQ(client.get("/locks/" + name_of(lock)).error().code, errc::key_not_found);
  }
  manager.reset();
  expect_clean();
}

TEST_P(LockThreads, LeaveNoThreadBehindThatUsesTheirRuntime) {
  for (int round = 0; round < 100; ++round) {
    auto runtime = std::make_shared<ThreadRuntime>();
    const std::weak_ptr<ThreadRuntime> left = runtime;
    {
      ClientOptions options{.endpoints = served_.urls(), .runtime = std::move(runtime)};
      if (GetParam() == Way::in_process) {
        options.transport = std::make_shared<fake::InProcessTransport>(*options.runtime, served_.cluster());
      }
      LockManager manager(Client(std::move(options)), {.ttl = 30s});
      ASSERT_TRUE(manager.mutex("of one round").acquire()->release());
    }
    ASSERT_TRUE(left.expired()) << "in round " << round;
  }
}

TEST_P(LockThreads, ManyAreRenewedAndHandedOverWhileANodeRestarts) {
  std::vector<Hold> holds;
  for (int i = 0; i < 20; ++i) {
    auto hold = managers_[0]->mutex("kept" + std::to_string(i)).acquire({.ttl = 4s});
    ASSERT_TRUE(hold) << hold.error().describe();
    holds.push_back(std::move(*hold));
  }
  const fake::NodeId follower = served_.cluster().leader() == 1 ? 2 : 1;
  std::jthread restarting([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      served_.cluster().crash(follower);
      std::this_thread::yield();
      served_.cluster().restart(follower);
      for (int i = 0; i < 100; ++i) std::this_thread::yield();
    }
  });
  std::vector<TimePoint> granted_until;
  for (const Hold& hold : holds) granted_until.push_back(hold.expires_at());
  const auto is_renewed_or_lost = [&](std::size_t i) {
    return holds[i].expires_at() > granted_until[i] || !holds[i].is_held();
  };
  int storms = 0;
  for (std::size_t i = 0; i < holds.size();) {
    storm(4, 30, [&](int thread, std::mt19937_64& random) {
      const std::size_t lock = random() % locks;
      auto hold = any_manager(random).mutex(name_of(lock)).acquire();
      ASSERT_TRUE(hold) << hold.error().describe();
      work(lock, *hold, thread, random, false);
    });
    ++storms;
    while (i < holds.size() && is_renewed_or_lost(i)) ++i;
  }
  restarting = {};
  for (const Hold& hold : holds) EXPECT_TRUE(hold.is_held());
  holds.clear();
  EXPECT_EQ(seen_.grants, 120 * storms);
  expect_clean();
}

}  // namespace
}  // namespace deimos

// Fifty locks of all kinds, sixteen threads, over HTTP and in real time, while nodes restart and holders die.
//
// DEIMOS_SOAK_SECONDS: how long, 5 by default. DEIMOS_SEED=N chooses what each thread does; what else happens is up to
// the machine.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
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
#include <deimos/http_transport.h>
#include <deimos/lock_manager.h>
#include <deimos/testkit/seed.h>
#include <deimos/thread_runtime.h>

namespace deimos {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr int threads = 16;
constexpr int locks = 50;
constexpr int permits = 3;
constexpr auto lease = 3s;
/// No lock is kept for longer than a moment, except by those who die. So long a wait is a hand-over that was missed.
constexpr auto patience = 30s;

/// The network of a process, until that dies: what it says from then on reaches nobody.
class MortalTransport final : public Transport {
 public:
  explicit MortalTransport(std::shared_ptr<Runtime> runtime) : real_(std::move(runtime)) {}

  void die() { dead_.request_stop(); }
  [[nodiscard]] bool is_dead() const { return dead_.stop_requested(); }
  [[nodiscard]] std::stop_token death() const { return dead_.get_token(); }

  [[nodiscard]] Exchange exchange(const std::string& endpoint, const Request& request, TimePoint deadline,
                                  std::stop_token stop) override {
    if (is_dead()) return lost();
    std::stop_source either;
    const std::stop_callback at_stop(stop, [&] { either.request_stop(); });
    const std::stop_callback at_death(dead_.get_token(), [&] { either.request_stop(); });
    Exchange answer = real_.exchange(endpoint, request, deadline, either.get_token());
    return is_dead() ? lost() : answer;
  }
  void close() noexcept override { real_.close(); }

 private:
  static Exchange lost() {
    return tl::make_unexpected(Failure{Failure::Reason::broken, Delivery::unknown, "the process is dead"});
  }

  HttpTransport real_;
  std::stop_source dead_;
};

/// A process that takes locks.
struct Member {
  explicit Member(const std::vector<std::string>& urls) {
    ClientOptions options{.endpoints = urls, .runtime = runtime, .transport = transport};
    manager.emplace(Client(std::move(options)), LockOptions{.ttl = lease, .request_timeout = 1s});
  }
  /// Beyond this instant its words count for nothing.
  [[nodiscard]] bool is_dead() const { return transport->is_dead(); }

  std::shared_ptr<ThreadRuntime> runtime = std::make_shared<ThreadRuntime>();
  std::shared_ptr<MortalTransport> transport = std::make_shared<MortalTransport>(runtime);
  std::optional<LockManager> manager;
};

enum class Kind { mutex, fair, exclusive, shared, semaphore, election };

/// What one lock guards. Those who are dead may still believe that they hold it, as long as their lease runs: their
/// lease, not this, keeps the others out.
class Guarded {
 public:
  void enter(Kind kind, std::uint64_t token) {
    const std::lock_guard guard(mutex_);
    const bool alone = kind != Kind::shared && kind != Kind::semaphore;
    const int most = kind == Kind::semaphore ? permits : kind == Kind::shared ? threads : 1;
    EXPECT_LE(++inside_, most) << "too many at once";
    if (alone) {
      EXPECT_GT(token, highest_) << "whoever comes later has a higher token";
    }
    EXPECT_EQ(writers_ + (alone && inside_ > 1 ? 1 : 0), 0) << "not alone";
    if (alone) ++writers_;
    highest_ = std::max(highest_, token);
  }
  void leave(Kind kind) {
    const std::lock_guard guard(mutex_);
    --inside_;
    if (kind != Kind::shared && kind != Kind::semaphore) --writers_;
  }

 private:
  std::mutex mutex_;
  int inside_ = 0;
  int writers_ = 0;
  std::uint64_t highest_ = 0;
};

struct Exercised {
  std::array<std::atomic<int>, 6> grants{};
  std::atomic<int> deaths = 0, died_holding = 0, restarts = 0;
  std::atomic<std::int64_t> longest_wait_ms = 0;
};

class LockSoak : public ::testing::Test {
 protected:
  LockSoak() {
    std::cout << "[     SEED ] " << seed_ << "; again: " << testkit::replay_command(seed_) << std::endl;
    for (auto& member : members_) member = std::make_shared<Member>(served_.urls());
  }

  static std::chrono::seconds soak_time() {
    const char* const text = std::getenv("DEIMOS_SOAK_SECONDS");
    return text == nullptr ? 5s : std::chrono::seconds(std::stoi(text));
  }
  [[nodiscard]] bool is_over() const { return SteadyClock::now() >= end_; }

  std::shared_ptr<Member> member(std::size_t number) {
    const std::lock_guard guard(members_mutex_);
    return members_.at(number);
  }

  static Kind kind_of(int lock, std::mt19937_64& random) {
    if (lock % 5 == 2) return random() % 2 == 0 ? Kind::exclusive : Kind::shared;
    constexpr std::array kinds{Kind::mutex, Kind::fair, Kind::exclusive, Kind::semaphore, Kind::election};
    return kinds.at(static_cast<std::size_t>(lock % 5));
  }

  /// What a hold is of, whichever kind: it ends with this.
  struct Held {
    std::optional<Hold> hold;
    std::optional<Leadership> leadership;
    [[nodiscard]] const Hold& get() const { return leadership ? leadership->hold() : *hold; }
  };
  static Result<Held> acquire(Member& self, Kind kind, const std::string& name) {
    LockManager& manager = *self.manager;
    const AcquireOptions options{.wait = patience, .reentrant = false};
    const std::stop_token death = self.transport->death();  // Nobody waits on.
    if (kind == Kind::election) {
      auto led = manager.election(name).campaign("me", options, death);
      if (!led) return tl::unexpected<Error>(led.error());
      return Held{std::nullopt, std::move(*led)};
    }
    auto hold = [&]() -> Result<Hold> {
      switch (kind) {
        case Kind::mutex: return manager.mutex(name).acquire(options, death);
        case Kind::fair: return manager.mutex(name, {.fairness = Fairness::fair}).acquire(options, death);
        case Kind::exclusive: return manager.shared_mutex(name).acquire(options, death);
        case Kind::shared: return manager.shared_mutex(name).acquire_shared(options, death);
        default: return manager.semaphore(name, {.permits = permits}).acquire(1, options, death);
      }
    }();
    if (!hold) return tl::unexpected<Error>(hold.error());
    return Held{std::move(*hold), std::nullopt};
  }

  void work_once(std::mt19937_64& random) {
    const auto self = member(random() % members_.size());
    const int lock = static_cast<int>(random() % locks);
    const Kind kind = kind_of(lock, random);
    const auto began = SteadyClock::now();
    auto held = acquire(*self, kind, "lock" + std::to_string(lock));
    if (!held) {
      EXPECT_TRUE(self->is_dead()) << "lock" << lock << ": " << held.error().describe();
      return;
    }
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - began).count();
    for (auto longest = seen_.longest_wait_ms.load();
         waited > longest && !seen_.longest_wait_ms.compare_exchange_weak(longest, waited);) {
    }
    if (!held->get().is_held()) {
      EXPECT_TRUE(self->is_dead()) << "lost by a member whose store was there";
      return;
    }
    Guarded& guarded = guarded_.at(static_cast<std::size_t>(lock));
    guarded.enter(kind, held->get().fencing_token());
    ++seen_.grants.at(static_cast<std::size_t>(kind));
    if (random() % 2 == 0) pause(std::chrono::milliseconds(random() % 16));
    guarded.leave(kind);
    if (self->is_dead()) ++seen_.died_holding;
  }

  /// One node at a time is away: the others are a majority.
  void restart_a_node(std::mt19937_64& random) {
    auto node = static_cast<fake::NodeId>(1 + random() % 3);
    // Without a leader nobody gets anything: so more often another.
    if (node == served_.cluster().leader() && random() % 2 == 0) node = static_cast<fake::NodeId>(1 + node % 3);
    served_.cluster().crash(node);
    pause(std::chrono::milliseconds(20 + random() % 200));
    served_.cluster().restart(node);
    ++seen_.restarts;
  }
  void kill_a_member(std::mt19937_64& random) {
    auto born = std::make_shared<Member>(served_.urls());
    const std::lock_guard guard(members_mutex_);
    auto& place = members_.at(random() % members_.size());
    place->transport->die();
    place = std::move(born);  // Whoever still works with the former one keeps it until it has noticed.
    ++seen_.deaths;
  }
  /// Work takes time, and chaos has a pace.
  static void pause(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }  // NOLINT(sleep)

  const std::uint64_t seed_ = testkit::seed_from_environment();
  const fake::SystemClock clock_;
  fake::HttpCluster served_{{.nodes = 3, .clock = &clock_}};
  std::mutex members_mutex_;
  std::array<std::shared_ptr<Member>, 4> members_;
  std::array<Guarded, locks> guarded_;
  Exercised seen_;
  const SteadyClock::time_point end_ = SteadyClock::now() + soak_time();
};

TEST_F(LockSoak, LocksOfAllKindsExcludeAndAreHandedOnWhileNodesRestartAndHoldersDie) {
  {
    std::vector<std::jthread> all;
    for (int thread = 0; thread < threads; ++thread) {
      all.emplace_back([this, thread] {
        std::mt19937_64 random(seed_ + static_cast<std::uint64_t>(thread) * 7919);
        while (!is_over()) work_once(random);
      });
    }
    all.emplace_back([this] {
      for (std::mt19937_64 random(seed_); !is_over(); pause(800ms)) restart_a_node(random);
    });
    all.emplace_back([this] {
      for (std::mt19937_64 random(seed_ + 1); !is_over(); pause(700ms)) kill_a_member(random);
    });
  }
  for (auto& member : members_) member.reset();
  std::cout << "[  SEEN    ] grants of each kind:";
  for (const auto& grants : seen_.grants) std::cout << ' ' << grants;
  std::cout << "; " << seen_.deaths << " deaths, " << seen_.died_holding << " of holders; " << seen_.restarts
            << " restarts; longest wait " << seen_.longest_wait_ms << " ms" << std::endl;
  for (const auto& grants : seen_.grants) EXPECT_GT(grants, 0);
  EXPECT_GT(seen_.deaths, 2);
  EXPECT_GT(seen_.died_holding, 0);
  EXPECT_GT(seen_.restarts, 2);
}

}  // namespace
}  // namespace deimos

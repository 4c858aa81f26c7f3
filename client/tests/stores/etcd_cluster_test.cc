// Locks in a cluster of three etcds, of which some are down.
#include <future>

#include "stores/etcd_suite.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;

class EtcdCluster : public ::testing::Test {
 protected:
  std::shared_ptr<EtcdBackend> connect(std::size_t first = 0) {
    EtcdOptions options{.attempt_timeout = 1s, .runtime = runtime};
    for (std::size_t i = 0; i < servers.size(); ++i) {
      options.endpoints.push_back(servers[(first + i) % servers.size()]->url());
    }
    return std::make_shared<EtcdBackend>(std::move(options));
  }
  static LockManager manager(const std::shared_ptr<EtcdBackend>& backend) {
    return {backend, backend->runtime(), {.ttl = 10s, .request_timeout = 3s}};
  }
  /// The member that leads, as it says itself.
  std::size_t leader() {
    for (std::size_t i = 0; i < servers.size(); ++i) {
      const std::string status = servers[i]->ctl({"endpoint", "status", "-w", "simple"}).output;
      if (status.find(", true, ") != std::string::npos) return i;
    }
    ADD_FAILURE() << "nobody leads";
    return 0;
  }

  std::shared_ptr<ThreadRuntime> runtime = std::make_shared<ThreadRuntime>();
  std::vector<std::unique_ptr<EtcdServer>> servers = start_etcd_cluster(3);
};

TEST_F(EtcdCluster, LeaderThatDiesOrStandsStillTakesNoLockWithIt) {
  LockManager a = manager(connect(0));
  LockManager b = manager(connect(1));
  const Mutex mine = a.mutex("m");
  Result<Hold> held = mine.acquire({.wait = 10s});
  ASSERT_TRUE(held) << why(held);
  const std::size_t first = leader();
  servers[first]->kill();
  TimePoint end = runtime->now() + 20s;
  Result<void> renewed = held->renew();
  while (!renewed && runtime->now() < end && held->is_held()) renewed = held->renew();
  EXPECT_TRUE(renewed) << why(renewed);
  EXPECT_TRUE(held->is_held());
  auto waiting = std::async(std::launch::async, [&] { return b.mutex("m").acquire({.wait = 30s}); });
  EXPECT_EQ(waiting.wait_for(1s), std::future_status::timeout) << "two hold the lock";
  ASSERT_TRUE(held->release());
  Result<Hold> got = waiting.get();
  ASSERT_TRUE(got) << why(got);
  EXPECT_GT(got->fencing_token(), held->fencing_token());

  servers[first]->start();
  ASSERT_TRUE(servers[first]->wait_until_ready());
  const std::size_t second = leader();
  servers[second]->pause();
  auto again = std::async(std::launch::async, [&] { return a.mutex("other").acquire({.wait = 30s}); });
  const Result<Hold> despite = again.get();
  EXPECT_TRUE(despite) << why(despite);
  end = runtime->now() + 20s;
  renewed = got->renew();
  while (!renewed && runtime->now() < end && got->is_held()) renewed = got->renew();
  EXPECT_TRUE(renewed) << why(renewed);
  servers[second]->resume();
}

TEST_F(EtcdCluster, WithoutAMajorityNobodyIsLetIn) {
  LockManager a = manager(connect());
  const Result<Hold> held = a.mutex("m").acquire({.wait = 10s});
  ASSERT_TRUE(held) << why(held);
  servers[0]->kill();
  servers[1]->kill();
  const Result<Hold> none = a.mutex("n").acquire({.wait = 2s});
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().code == condition::retryable || none.error().code == condition::outcome_unknown)
      << why(none);
  servers[0]->start();
  const Result<Hold> some = a.mutex("n").acquire({.wait = 30s});
  EXPECT_TRUE(some) << why(some);
}

TEST_F(EtcdCluster, FencingTokensAndPlacesAreOneOrderForAllMembers) {
  std::vector<LockManager> managers;
  for (std::size_t i = 0; i < 3; ++i) managers.push_back(manager(connect(i)));
  std::uint64_t last = 0;
  for (int round = 0; round < 9; ++round) {
    const auto mutex = managers[static_cast<std::size_t>(round) % 3].mutex("m", {.fairness = Fairness::fair});
    const Result<Hold> held = mutex.acquire({.wait = 10s});
    ASSERT_TRUE(held) << why(held);
    EXPECT_GT(held->fencing_token(), last);
    last = held->fencing_token();
  }
}

}  // namespace
}  // namespace deimos

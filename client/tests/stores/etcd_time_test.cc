// What takes time about locks in etcd, on the fake that is taken for one, in virtual time.
#include <functional>

#include <deimos/fake/cluster.h>
#include <deimos/fake/in_process_transport.h>
#include <deimos/testkit/simulation.h>

#include "stores/etcd_suite.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using Fate = LossyTransport::Fate;

/// A process, one etcd, and all that it asks of that; nothing takes time but what waits.
class EtcdTimeTest : public ::testing::Test {
 protected:
  explicit EtcdTimeTest(fake::ClusterOptions etcd = {.dialect = fake::Dialect::etcd3})
      : simulation({.nodes = 1, .cluster = std::move(etcd)}) {}

  void run(std::function<void(testkit::Process&)> body) {
    simulation.spawn("one", [&, body = std::move(body)](testkit::Process& process) {
      runtime = std::shared_ptr<Runtime>(std::shared_ptr<void>(), &process.runtime());
      body(process);
    });
    simulation.run();
  }
  std::shared_ptr<LossyTransport> transport() {
    return std::make_shared<LossyTransport>(std::make_shared<fake::InProcessTransport>(*runtime, simulation.cluster()));
  }
  std::shared_ptr<EtcdBackend> connect(EtcdOptions options = {}) {
    options.endpoints = {simulation.cluster().state().nodes.front().client_url};
    options.runtime = runtime;
    if (!options.transport) options.transport = transport();
    options.observer = requests;
    return std::make_shared<EtcdBackend>(std::move(options));
  }
  [[nodiscard]] LockManager manager(const std::shared_ptr<EtcdBackend>& backend, LockOptions options = {}) const {
    return {backend, runtime, std::move(options)};
  }

  testkit::Simulation simulation;
  std::shared_ptr<Runtime> runtime;
  std::shared_ptr<RequestCounter> requests = std::make_shared<RequestCounter>();
};

TEST_F(EtcdTimeTest, DeadlineCountsFromTheKeepAliveThatWasSent) {
  run([&](testkit::Process& process) {
    LockManager locks = manager(connect(), {.ttl = 8s, .max_clock_rate_error = 0, .max_clock_skew = 0s});
    const TimePoint began = process.now();
    const Hold first = locks.mutex("a").acquire().value();
    first.pause_renewal();
    EXPECT_EQ(first.expires_at(), began + 8s);
    process.sleep(700ms);
    // Put on the same lease, which runs since then.
    const Hold second = locks.mutex("b").acquire().value();
    EXPECT_EQ(second.expires_at(), first.expires_at());
    const Result<Hold> queued = locks.mutex("c", {.fairness = Fairness::fair}).acquire();
    EXPECT_EQ(queued->expires_at(), first.expires_at());
    process.sleep(700ms);
    const TimePoint asked = process.now();
    ASSERT_TRUE(second.renew());
    EXPECT_GE(second.expires_at(), asked + 8s - 800ms) << "at most a tenth of the ttl before";
    EXPECT_LE(second.expires_at(), process.now() + 8s);
    process.sleep(50ms);
    ASSERT_TRUE(first.renew());
    EXPECT_EQ(first.expires_at(), second.expires_at()) << "the keep-alive for the one is for the other too";
  });
}

TEST_F(EtcdTimeTest, LeaseThatIsHalfOverIsNotGivenToNewLocks) {
  run([&](testkit::Process& process) {
    LockManager locks = manager(connect(), {.ttl = 4s, .max_clock_rate_error = 0, .max_clock_skew = 0s});
    ASSERT_TRUE(locks.mutex("a").acquire()->release());
    process.sleep(2s);
    const TimePoint asked = process.now();
    EXPECT_GE(locks.mutex("b").acquire()->expires_at(), asked + 4s);
    EXPECT_EQ(requests->count("/v3/lease/grant"), 1);
  });
}

TEST_F(EtcdTimeTest, ResolvedPlaceCountsFromWhenItsLeaseWasKeptAlive) {
  run([&](testkit::Process& process) {
    const auto lossy = transport();
    LockManager locks = manager(connect({.transport = lossy}), {.ttl = 8s});
    const Hold first = locks.mutex("a").acquire().value();
    first.pause_renewal();
    process.sleep(500ms);
    lossy->set(losing_first("request_put", Fate::lose_answer));
    const Result<Hold> fair = locks.mutex("f", {.fairness = Fairness::fair}).acquire({.wait = 5s});
    ASSERT_TRUE(fair) << why(fair);
    EXPECT_EQ(fair->expires_at(), first.expires_at()) << "the lease is as old as that";
  });
}

TEST_F(EtcdTimeTest, LockIsKeptForADayAndGoesWithItsHolder) {
  run([&](testkit::Process& process) {
    {
      LockManager locks = manager(connect(), {.ttl = 60s});
      const Hold held = locks.mutex("m").acquire().value();
      process.sleep(24h);
      EXPECT_TRUE(held.is_held());
      EXPECT_EQ(simulation.node(1).statistics().keys, 1U);
    }
    EXPECT_EQ(simulation.node(1).statistics().keys, 0U);
  });
}

TEST_F(EtcdTimeTest, NewLeaderKeepsWhatIsHeld) {
  run([&](testkit::Process& process) {
    const auto backend = connect();
    ASSERT_TRUE(backend->acquire("/locks/m", "t", 10s, {process.now() + 5s}));
    process.sleep(5s);
    simulation.cluster().crash(1);
    process.sleep(1s);
    simulation.cluster().restart(1);
    // Whoever leads now has given the lease all its time again.
    process.sleep(10s);
    EXPECT_EQ(simulation.node(1).statistics().keys, 1U);
    process.sleep(10s);
    EXPECT_EQ(simulation.node(1).statistics().keys, 0U);
  });
}

class EtcdTokenTest : public EtcdTimeTest {
 protected:
  EtcdTokenTest() : EtcdTimeTest({.dialect = fake::Dialect::etcd3, .users = {{"ann", "pass word"}}}) {}
};

TEST_F(EtcdTokenTest, TokenIsRenewedWhenItIsOver) {
  run([&](testkit::Process& process) {
    const EtcdOptions as_ann{.credentials = Credentials{"ann", "pass word"}};
    LockManager locks = manager(connect(as_ann), {.ttl = 30min});
    Result<Hold> held = locks.mutex("m").acquire();
    ASSERT_TRUE(held) << why(held);
    EXPECT_EQ(requests->count("/v3/auth/authenticate"), 1);
    process.sleep(6min);  // Without a use of the token.
    const auto info = locks.info("m");
    ASSERT_TRUE(info) << why(info);
    EXPECT_EQ(requests->count("/v3/auth/authenticate"), 2);
  });
}

TEST_F(EtcdTokenTest, WatchThatIsBegunWithAnOldTokenIsBegunAnew) {
  run([&](testkit::Process& process) {
    const auto backend = connect({.credentials = Credentials{"ann", "pass word"}});
    const auto made = backend->acquire("/locks/m", "t", 30min, {process.now() + 5s});
    ASSERT_TRUE(made);
    process.sleep(6min);
    const auto nothing =
        backend->wait_for_change("/locks/m", std::get<Granted>(*made).fencing_token + 1, {process.now() + 5s});
    ASSERT_TRUE(nothing) << why(nothing);
    EXPECT_FALSE(*nothing);
    EXPECT_EQ(requests->count("/v3/auth/authenticate"), 2);
  });
}

}  // namespace
}  // namespace deimos

// One of three nodes stands still, or is cut off from the others, or hears late. The quorum is fine; so must be whoever
// asks all three.
#include "scenario.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Duration run_time = 40s;

/// Changes of endpoints, in order, and how often each was asked.
class Endpoints final : public Observer {
 public:
  void on_request(const Attempt& attempt) override { ++asked[attempt.endpoint]; }
  void on_endpoint_change(const EndpointChange& change) override { changes.push_back(change); }
  std::map<std::string, int> asked;
  std::vector<EndpointChange> changes;
};

class HungNode : public ScenarioTest {
 protected:
  HungNode() {
    simulation.run_for(1s);
    leader_ = simulation.cluster().leader();
    follower_ = leader_ == 1 ? 2 : 1;
  }

  /// How many writes three clients do in 40 s, each one after the other, ten a second.
  int count_writes(const std::function<void()>& fault) {
    simulation.at(5s, fault);
    for (int i = 1; i <= 3; ++i) {
      const std::string name = "writer" + std::to_string(i);
      spawn(name, {1, 2, 3}, [&, name](Process& process) {
        while (elapsed() < run_time) {
          const auto written = process.client().set("/" + name, "x");
          written_ += written.has_value();
          late_ += written && elapsed() > 20s;
          unclear_ += !written && written.error().code == condition::outcome_unknown;
          process.sleep(100ms);
        }
      });
    }
    simulation.run();
    return written_;
  }

  fake::NodeId leader_ = 0;
  fake::NodeId follower_ = 0;
  int written_ = 0;
  int late_ = 0;  ///< In the second half.
  int unclear_ = 0;
};

constexpr int undisturbed = 3 * 380;  // Of 390 that 39 s have room for, less the time of the calls.
constexpr int undisturbed_late = 3 * 195;

TEST_F(HungNode, WithoutAFaultTheWritesAreAsManyAsThereIsTimeFor) {
  EXPECT_GE(count_writes([] {}), undisturbed);
}

TEST_F(HungNode, AFollowerThatStandsStillCostsFewWrites) {
  EXPECT_GE(count_writes([&] { simulation.cluster().pause(follower_); }), undisturbed * 9 / 10);
  EXPECT_LE(unclear_, 3) << "each client finds it out once";
}

TEST_F(HungNode, AFollowerThatIsCutOffCostsFewWrites) {
  EXPECT_GE(count_writes([&] { simulation.cluster().isolate(follower_); }), undisturbed * 9 / 10);
}

// What waits at a follower for a leader that is lost waits until its time is over: it may still be done.

TEST_F(HungNode, ALeaderThatStandsStillCostsTheElectionAndWhatWasUnderWay) {
  count_writes([&] { simulation.cluster().pause(leader_); });
  EXPECT_GE(late_, undisturbed_late * 9 / 10);
  EXPECT_LE(unclear_, 6);
}

TEST_F(HungNode, ALeaderThatIsCutOffCostsTheElectionAndWhatWasUnderWay) {
  count_writes([&] { simulation.cluster().isolate(leader_); });
  EXPECT_GE(late_, undisturbed_late * 9 / 10);
  EXPECT_LE(unclear_, 6);
}

TEST_F(HungNode, IsAskedAgainOnceItIsBack) {
  const auto seen = std::make_shared<Endpoints>();
  simulation.at(5s, [&] { simulation.cluster().pause(follower_); });
  simulation.at(20s, [&] { simulation.cluster().resume(follower_); });
  ProcessOptions options;
  options.client.observer = seen;
  const std::string url = "http://node" + std::to_string(follower_) + ":4001";
  int while_down = 0;
  spawn(
      "writer", {1, 2, 3},
      [&](Process& process) {
        while (elapsed() < 60s) {
          if (elapsed() < 10s) seen->asked.clear();
          if (elapsed() < 20s) while_down = seen->asked[url];
          static_cast<void>(process.client().set("/key", "x"));
          process.sleep(100ms);
        }
      },
      options);
  simulation.run();
  EXPECT_EQ(while_down, 0) << "no call of a user is spent on finding out";
  ASSERT_THAT(seen->changes, SizeIs(2));
  EXPECT_EQ(seen->changes[0].kind, EndpointChange::Kind::down);
  EXPECT_EQ(seen->changes[1].kind, EndpointChange::Kind::up);
  EXPECT_GT(seen->asked[url], 60);
}

TEST_F(HungNode, WithNoNodeThatAnswersCallsWaitAsTheyWereTold) {
  simulation.at(2s, [&] {
    for (fake::NodeId node = 1; node <= 3; ++node) simulation.cluster().pause(node);
  });
  simulation.at(9s, [&] {
    for (fake::NodeId node = 1; node <= 3; ++node) simulation.cluster().resume(node);
  });
  Duration returned{};
  spawn("writer", {1, 2, 3}, [&](Process& process) {
    process.sleep(3s - elapsed());
    static_cast<void>(process.client().set("/key", "x"));
    returned = elapsed();
  });
  simulation.run();
  EXPECT_GE(returned, 9s) << "no endpoint is better than the one that was asked";
}

/// Three locks of each of three ttls, held for two minutes.
class LocksWithAHungNode : public HungNode {
 protected:
  void hold_through(const std::function<void()>& fault) {
    simulation.at(5s, fault);
    for (const Duration ttl : {5s, 10s, 30s}) {
      const std::string name = "holder" + std::to_string(ttl / 1s);
      ProcessOptions options;
      options.locks.ttl = ttl;
      spawn(
          name, {1, 2, 3},
          [&, name](Process& process) {
            std::vector<Hold> holds;
            for (const char* lock : {"-a", "-b", "-c"}) {
              holds.push_back(process.locks().mutex(name + lock).acquire().value());
            }
            process.sleep(2min);
            for (const Hold& hold : holds) kept_ += hold.is_held();
          },
          options);
      names_.push_back(name);
    }
    simulation.run();
    EXPECT_EQ(kept_, 9);
    for (const std::string& name : names_) EXPECT_THAT(told(name, LockEvent::Kind::lost), IsEmpty()) << name;
  }
  int kept_ = 0;
  std::vector<std::string> names_;
};

TEST_F(LocksWithAHungNode, AreKeptWhileAFollowerStandsStill) {
  hold_through([&] { simulation.cluster().pause(follower_); });
}

TEST_F(LocksWithAHungNode, AreKeptWhileAFollowerIsCutOff) {
  hold_through([&] { simulation.cluster().isolate(follower_); });
}

TEST_F(LocksWithAHungNode, AreKeptWhileAFollowerHearsLate) {
  hold_through([&] { simulation.cluster().lag(follower_, 10min); });
}

}  // namespace
}  // namespace deimos::testkit

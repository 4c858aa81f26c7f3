// What a trace is told of the cluster.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "cluster/cluster_fixture.h"

namespace deimos::fake {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ClusterIncident : public ClusterFixture {
 protected:
  /// From now on, as `+2s election 2: leads in term 2`.
  void listen() {
    const Instant start = cluster().now();
    cluster().on_incident([this, start](const Incident& incident) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(incident.at - start).count();
      told.push_back("+" + std::to_string(seconds) + "s " + std::string(to_string(incident.kind)) + " " +
                     std::to_string(incident.node) + ": " + incident.text);
    });
  }
  std::vector<std::string> told;
};

TEST_F(ClusterIncident, FaultsAreToldWhenTheyHappen) {
  listen();
  cluster().after(5s, SkewClock{2, 3s});
  cluster().advance(2s);
  cluster().pause(3);
  cluster().advance(10s);
  EXPECT_THAT(told, ElementsAre("+2s fault 0: pause node 3", "+5s fault 0: " + describe(Fault(SkewClock{2, 3s}))));
}

TEST_F(ClusterIncident, ALossOfTheMajorityIsTold) {
  listen();
  cluster().isolate(1);
  EXPECT_THAT(told, ElementsAre("+0s fault 0: isolate node 1", "+0s quorum 1: has lost its majority"));
}

TEST_F(ClusterIncident, AnElectionIsTold) {
  start({.nodes = 3, .election_ticks_least = 20, .election_ticks_most = 20, .pending_fate = PendingFate::keep});
  cluster().cut(2, 1);
  cluster().cut(3, 1);
  const Asked pending = put(1, "/a", "value=1");
  listen();
  cluster().isolate(1);
  cluster().advance(3s);
  const std::string leader = std::to_string(cluster().leader());
  EXPECT_THAT(told,
              ElementsAre("+0s fault 0: isolate node 1",
                          "+2s election " + leader + ": leads in term 2; of 1 proposals that were pending, it has 1"));
}

TEST_F(ClusterIncident, RulesAreToldWhenTheyAct) {
  listen();
  const RuleId rule = cluster().add_rule({.match = {.method = "PUT", .nth = 2}, .action = DropAnswer{}});
  const std::string added = told.at(0);
  EXPECT_EQ(added.find("+0s fault 0: add rule drop answer"), 0u) << added;
  told.clear();
  for (int i = 0; i < 3; ++i) ask(2, "PUT", "/a", "value=1", {.client = "worker", .request = 1});
  cluster().remove_rule(rule);
  cluster().remove_rule(rule);
  EXPECT_THAT(told, ElementsAre("+0s rule 2: drop_answer of PUT /keys/a by worker", "+0s fault 0: remove rule 1"));
}

TEST_F(ClusterIncident, NothingIsToldOfFaultsThatAreRefusedOrCancelled) {
  listen();
  EXPECT_THROW(cluster().crash(7), std::invalid_argument);
  cluster().cancel(cluster().after(1s, Crash{1}));
  cluster().advance(2s);
  EXPECT_THAT(told, IsEmpty());
}

}  // namespace
}  // namespace deimos::fake

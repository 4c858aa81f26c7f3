// The log of a cluster is bounded, whoever is down.
#include <cstdint>
#include <string>

#include "cluster/cluster_fixture.h"

namespace deimos::fake {
namespace {

class ClusterLog : public ClusterFixture {
 protected:
  void write(int count, const std::string& value = "1") {
    for (int n = 0; n < count; ++n) {
      ASSERT_LT(put(1, "/k" + std::to_string(n), "value=" + value).status(), 300);
    }
  }
};

TEST_F(ClusterLog, ANodeThatMissedNoMoreThanTheLogHoldsKeepsItsHistory) {
  start({.nodes = 3, .log_entries = 100});
  write(1);
  cluster().crash(3);
  write(99);
  cluster().restart(3);
  EXPECT_EQ(get(3, "/k98").status(), 200);
  EXPECT_TRUE(has_event(3, "/k0", 7)) << "from its own log";
}

TEST_F(ClusterLog, ANodeThatMissedMoreThanTheLogHoldsRestartsFromASnapshot) {
  start({.nodes = 3, .log_entries = 100});
  write(1);
  cluster().crash(3);
  write(101);
  const std::uint64_t last = cluster().node(1).statistics().index;
  cluster().restart(3);
  EXPECT_EQ(get(3, "/k100").status(), 200);
  EXPECT_EQ(cluster().node(3).statistics().index, last);
  EXPECT_EQ(watch(3, "/k0", 7).status(), 400) << "its history is gone";
  EXPECT_EQ(put(3, "/after", "value=1").status(), 201);
  EXPECT_TRUE(has_event(3, "/after", last + 1));
}

TEST_F(ClusterLog, LargeEntriesCountByTheirBytes) {
  start({.nodes = 3, .log_bytes = 100'000});
  write(1);
  cluster().crash(3);
  write(20, std::string(10'000, 'x'));
  cluster().restart(3);
  EXPECT_EQ(watch(3, "/k0", 7).status(), 400);
  EXPECT_EQ(get(3, "/k19").status(), 200);
}

TEST_F(ClusterLog, TheWatchesOfANodeThatFellTooFarBehindBreak) {
  start({.nodes = 3, .log_entries = 100});
  cluster().isolate(3);
  const Asked watching = watch(3, "/k0");
  const Asked of_leader = watch(1, "/after");
  write(101);
  EXPECT_TRUE(watching.reply->breaks.empty());
  cluster().heal();
  EXPECT_EQ(watching.reply->breaks.size(), 1U);
  EXPECT_EQ(cluster().node(3).statistics().watchers, 0U) << "nor has it those of the node it has the snapshot of";
  put(3, "/after", "value=1");
  EXPECT_EQ(of_leader.reply->ends, 1);
}

TEST_F(ClusterLog, ANodeThatRestartedFromASnapshotCanLead) {
  start({.nodes = 3, .log_entries = 100});
  cluster().crash(3);
  write(250);
  cluster().restart(3);
  cluster().change_leader(3);
  EXPECT_EQ(cluster().leader(), 3U);
  EXPECT_EQ(put(2, "/a", "value=1").status(), 201);
  EXPECT_EQ(get(1, "/a").status(), 200);
}

TEST_F(ClusterLog, ALeaderThatCannotCommitTakesOnlySoMuch) {
  start({.nodes = 3, .log_entries = 100});
  cluster().isolate(1);
  for (int n = 0; n < 150; ++n) put(1, "/k" + std::to_string(n), "value=1");
  EXPECT_EQ(cluster().state().pending, 100U);
  cluster().heal();
  EXPECT_EQ(get(1, "/k99").status(), 200);
  EXPECT_EQ(get(1, "/k100").status(), 404);
}

TEST_F(ClusterLog, ALeaderThatCannotCommitTakesOnlySoManyBytes) {
  start({.nodes = 3, .log_bytes = 100'000});
  cluster().isolate(1);
  for (int n = 0; n < 20; ++n) put(1, "/k" + std::to_string(n), "value=" + std::string(10'000, 'x'));
  EXPECT_EQ(cluster().state().pending, 9U);
}

TEST_F(ClusterLog, APausedLeaderIsSentOnlySoMuch) {
  start({.nodes = 3, .log_entries = 100});
  cluster().pause(1);
  for (int n = 0; n < 150; ++n) put(2, "/k" + std::to_string(n), "value=1");
  cluster().resume(1);
  EXPECT_EQ(get(1, "/k99").status(), 200);
  EXPECT_EQ(get(1, "/k100").status(), 404);
}

TEST_F(ClusterLog, AWriteThatNoLeaderTookIsDroppedAtItsTimeOut) {
  start({.nodes = 3, .request_timeout = 10s});
  cluster().partition({1}, {2}, {3});
  cluster().advance(4s);
  const Asked written = put(2, "/a", "value=1");
  cluster().advance(11s);
  EXPECT_EQ(written.status(), 500);
  cluster().heal();
  cluster().advance(10s);
  EXPECT_EQ(get(2, "/a").status(), 404);
}

TEST_F(ClusterLog, AWriteThatNoLeaderTookAndItsClientGaveUpIsDropped) {
  cluster().partition({1}, {2}, {3});
  cluster().advance(4s);
  const Asked written = put(2, "/a", "value=1");
  cluster().abandon(written.ticket);
  cluster().heal();
  cluster().advance(10s);
  EXPECT_EQ(get(2, "/a").status(), 404);
}

}  // namespace
}  // namespace deimos::fake

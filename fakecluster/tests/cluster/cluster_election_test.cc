// Leaders, terms, and what becomes of requests without one.
#include "cluster/cluster_fixture.h"

namespace deimos::fake {
namespace {

class ClusterElection : public ClusterFixture {
 protected:
  /// Node 1 leads on and reaches the others, and hears none of them: so it cannot commit.
  void cut_off_what_node_1_hears() {
    cluster().cut(2, 1);
    cluster().cut(3, 1);
  }
};

TEST_F(ClusterElection, FirstUserWriteOfThreeNodesHasIndexSeven) {
  const Asked asked = put(2, "/a", "value=1");
  EXPECT_EQ(asked.status(), 201);
  EXPECT_EQ(asked.header("X-Deimos-Index"), 7u);
  EXPECT_TRUE(get(3, "/a").says("\"modifiedIndex\":7"));
}

TEST_F(ClusterElection, MachinesAreAllMembersSorted) {
  const auto reply = std::make_shared<RecordedReply>();
  cluster().node(3).handle({"GET", "/machines", {}, {}, {}}, reply);
  EXPECT_EQ(reply->response.body, "http://127.0.0.1:4001, http://127.0.0.1:4002, http://127.0.0.1:4003");
}

TEST_F(ClusterElection, EveryMemberIsPublishedUnderTheHiddenDirectory) {
  start({.nodes = 3, .members = {{"red", "http://red:1", "http://red:2"}}});
  const Asked asked = get(2, "/_deimos/machines?sorted=true");
  for (const char* name : {"\\\"Name\\\":\\\"red\\\"", "node2", "node3", "http://red:1"}) EXPECT_TRUE(asked.says(name));
}

TEST_F(ClusterElection, EveryNodeAnswersWritesAndReads) {
  for (NodeId node = 1; node <= 3; ++node) {
    EXPECT_EQ(put(node, "/k" + std::to_string(node), "value=v").status(), 201);
  }
  for (NodeId node = 1; node <= 3; ++node) {
    for (NodeId key = 1; key <= 3; ++key) EXPECT_EQ(get(node, "/k" + std::to_string(key)).status(), 200);
  }
}

TEST_F(ClusterElection, RaftIndexGrowsWithEachRequestAndTermStays) {
  const Asked first = put(1, "/a", "value=1");
  const Asked second = get(2, "/a");
  const Asked third = put(3, "/a", "value=2");
  EXPECT_LT(first.header("X-Raft-Index"), second.header("X-Raft-Index"));
  EXPECT_LT(second.header("X-Raft-Index"), third.header("X-Raft-Index"));
  EXPECT_EQ(first.header("X-Raft-Term"), third.header("X-Raft-Term"));
}

TEST_F(ClusterElection, LosingTheLeaderTakesFifteenToThirtyTicksAndMakesANewTerm) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    start({.nodes = 3, .seed = seed});
    const std::uint64_t term = cluster().term();
    cluster().crash(1);
    EXPECT_EQ(cluster().leader(), 0u);
    cluster().advance(1499ms);
    ASSERT_EQ(cluster().leader(), 0u) << "seed " << seed << '\n' << cluster().describe();
    cluster().advance(1501ms);
    ASSERT_NE(cluster().leader(), 0u) << "seed " << seed << '\n' << cluster().describe();
    EXPECT_EQ(cluster().term(), term + 1);
    EXPECT_EQ(put(cluster().leader(), "/a", "value=1").header("X-Raft-Term"), term + 1);
  }
}

TEST_F(ClusterElection, RequestsHangWhileNobodyLeadsAndGoOnInTheNextTerm) {
  cluster().crash(1);
  const Asked lost = put(2, "/lost", "value=1");
  EXPECT_TRUE(lost.hangs());
  cluster().advance(3s);
  EXPECT_EQ(put(2, "/a", "value=1").status(), 201);
  EXPECT_TRUE(lost.hangs()) << "it was forwarded to the leader that was gone";
  cluster().advance(10s);
  EXPECT_EQ(lost.status(), 500);
  EXPECT_EQ(lost.body(), "Internal Server Error\nInternal Server Error\n");
  EXPECT_EQ(get(3, "/lost").status(), 404);
}

TEST_F(ClusterElection, TheOldLeaderCatchesUpWhenItReturns) {
  cluster().crash(1);
  cluster().advance(3s);
  const Asked written = put(2, "/a", "value=new");
  cluster().restart(1);
  EXPECT_TRUE(get(1, "/a").says("new"));
  EXPECT_TRUE(has_event(1, "/a", written.header("X-Deimos-Index")));
  EXPECT_EQ(cluster().state().nodes[0].leader, cluster().leader());
}

TEST_F(ClusterElection, WithoutAQuorumGetAndPutOnTheLeaderAnswerTheDoubleError) {
  cluster().crash(2);
  cluster().crash(3);
  const Asked read = get(1, "/a");
  const Asked written = put(1, "/a", "value=1");
  cluster().advance(9999ms);
  EXPECT_TRUE(read.hangs());
  EXPECT_TRUE(written.hangs());
  cluster().advance(1ms);
  for (const Asked& asked : {read, written}) {
    EXPECT_EQ(asked.status(), 500);
    EXPECT_EQ(asked.body(), "Internal Server Error\nInternal Server Error\n");
    EXPECT_EQ(*find_header(asked.reply->response.headers, "Content-Type"), "text/plain; charset=utf-8");
  }
}

TEST_F(ClusterElection, AWriteThatWasAnsweredWithAnErrorIsAppliedOnceAFollowerIsBack) {
  cluster().crash(2);
  cluster().crash(3);
  const Asked written = put(1, "/a", "value=late");
  cluster().advance(11s);
  ASSERT_EQ(written.status(), 500);
  EXPECT_EQ(cluster().state().pending, 1u);
  cluster().restart(2);
  EXPECT_TRUE(get(1, "/a").says("late"));
  EXPECT_EQ(cluster().term(), 1u) << "its leader was never replaced";
}

TEST_F(ClusterElection, ReadsThatTimedOutAreNotKept) {
  cluster().crash(2);
  cluster().crash(3);
  for (int n = 0; n < 100; ++n) get(1, "/a");
  EXPECT_EQ(cluster().state().pending, 100u);
  cluster().advance(10s);
  EXPECT_EQ(cluster().state().pending, 0u);
}

TEST_F(ClusterElection, AnIsolatedLeaderThatIsBackBeforeAnElectionAppliesWhatItHolds) {
  cluster().isolate(1);
  const Asked written = put(1, "/a", "value=1");
  cluster().advance(1s);
  EXPECT_TRUE(written.hangs());
  cluster().heal();
  EXPECT_EQ(written.status(), 201) << "and the client that still waits hears of it";
  cluster().advance(1min);
  EXPECT_EQ(cluster().term(), 1u);
}

TEST_F(ClusterElection, AWriteDoesNotCrossAPartitionThatWasThereBeforeIt) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    start({.nodes = 3, .seed = seed, .pending_fate = seed % 2 == 0 ? PendingFate::keep : PendingFate::seeded});
    cluster().isolate(1);
    cluster().advance(500ms);
    const Asked written = put(1, "/a", "value=1");
    cluster().advance(4s);
    ASSERT_NE(cluster().leader(), 0U);
    EXPECT_EQ(get(2, "/a").status(), 404) << "seed " << seed;
    cluster().heal();
    cluster().advance(10s);
    EXPECT_EQ(written.status(), 500) << "seed " << seed;
    EXPECT_EQ(get(1, "/a").status(), 404) << "a later term has overwritten it; seed " << seed;
  }
}

TEST_F(ClusterElection, OnlyANodeThatTheLeaderReachedCommitsWhatTheLeaderCouldNot) {
  for (const NodeId reached : {NodeId{2}, NodeId{3}}) {
    start({.nodes = 3, .pending_fate = PendingFate::keep});
    cut_off_what_node_1_hears();
    cluster().cut(1, reached == 2 ? 3 : 2);
    put(1, "/a", "value=1");
    cluster().isolate(1);
    cluster().change_leader(2);
    EXPECT_EQ(cluster().leader(), 2U);
    EXPECT_EQ(get(2, "/a").status(), reached == 2 ? 200 : 404);
  }
}

TEST_F(ClusterElection, AReadThatTimedOutIsNotAmongWhatTheNextLeaderHas) {
  start({.nodes = 3, .pending_fate = PendingFate::keep});
  cut_off_what_node_1_hears();
  get(1, "/a");
  put(1, "/a", "value=1");
  cluster().advance(11s);
  EXPECT_EQ(cluster().state().pending, 1U);
  cluster().isolate(1);
  put(1, "/b", "value=1");
  cluster().change_leader(2);
  EXPECT_EQ(get(2, "/a").status(), 200);
  EXPECT_EQ(get(2, "/b").status(), 404);
}

TEST_F(ClusterElection, WhatALeaderTookWhileCutOffReachesWhomItReachesLater) {
  start({.nodes = 3, .pending_fate = PendingFate::keep});
  cluster().isolate(1);
  put(1, "/a", "value=1");
  cluster().mend(1, 3);
  cluster().cut(1, 3);
  cluster().change_leader(3);
  EXPECT_EQ(get(3, "/a").status(), 200);
}

TEST_F(ClusterElection, AfterAnElectionWhatAnIsolatedLeaderHeldIsKeptOrDroppedByTheSeed) {
  bool kept = false;
  bool dropped = false;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    start({.nodes = 3, .seed = seed});
    cut_off_what_node_1_hears();
    const Asked written = put(1, "/a", "value=1");
    cluster().partition({1}, {2, 3});
    cluster().advance(3s);
    const bool there = get(2, "/a").status() == 200;
    (there ? kept : dropped) = true;
    cluster().heal();
    EXPECT_EQ(get(1, "/a").status(), there ? 200 : 404) << "seed " << seed;
    EXPECT_EQ(written.status(), there ? 201 : 0) << "its client hears of it once its node does";
    cluster().advance(10s);
    EXPECT_EQ(written.status(), there ? 201 : 500);
    EXPECT_EQ(get(3, "/a").status(), there ? 200 : 404) << "nothing comes later";
  }
  EXPECT_TRUE(kept);
  EXPECT_TRUE(dropped);
}

TEST_F(ClusterElection, WhatIsKeptOfAnIsolatedLeadersProposalsIsTheOldest) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    start({.nodes = 3, .seed = seed});
    cut_off_what_node_1_hears();
    for (int n = 1; n <= 4; ++n) put(1, "/k" + std::to_string(n), "value=1");
    cluster().isolate(1);
    cluster().advance(3s);
    bool missing = false;
    for (int n = 1; n <= 4; ++n) {
      const bool there = get(2, "/k" + std::to_string(n)).status() == 200;
      EXPECT_FALSE(there && missing) << "seed " << seed;
      missing = !there;
    }
  }
}

TEST_F(ClusterElection, WhatALeaderThatWasReplacedTakesIsNeverApplied) {
  start({.nodes = 3, .pending_fate = PendingFate::keep});
  cluster().isolate(1);
  cluster().advance(3s);
  const Asked written = put(1, "/a", "value=1");
  EXPECT_EQ(cluster().state().nodes[0].role, Role::leader) << "it has not heard of the other";
  EXPECT_LT(cluster().state().nodes[0].term, cluster().term());
  cluster().heal();
  EXPECT_EQ(cluster().state().nodes[0].role, Role::follower);
  cluster().advance(1min);
  EXPECT_EQ(written.status(), 500);
  EXPECT_EQ(get(1, "/a").status(), 404);
}

TEST_F(ClusterElection, AMinorityFollowerHoldsRequestsOnceItKnowsNoLeader) {
  cluster().isolate(3);
  const Asked lost = put(3, "/lost", "value=1");
  cluster().advance(3s);
  const Asked held = put(3, "/held", "value=1");
  const Asked read = get(3, "/a");
  cluster().advance(3s);
  EXPECT_TRUE(held.hangs());
  cluster().heal();
  EXPECT_EQ(held.status(), 201);
  EXPECT_EQ(read.status(), 404);
  cluster().advance(10s);
  EXPECT_EQ(lost.status(), 500);
  EXPECT_EQ(get(1, "/lost").status(), 404);
}

TEST_F(ClusterElection, ANodeCutOffAnswersWatchesFromItsHistory) {
  const std::uint64_t index = put(1, "/a", "value=old").header("X-Deimos-Index");
  cluster().isolate(3);
  put(1, "/a", "value=new");
  const Asked past = watch(3, "/a", index);
  EXPECT_TRUE(past.says("old"));
  const Asked next = watch(3, "/a", index + 1);
  EXPECT_TRUE(next.reply->open) << "it has not heard of the new value";
  EXPECT_TRUE(get(3, "/a").hangs());
  cluster().heal();
  EXPECT_TRUE(next.says("new"));
}

TEST_F(ClusterElection, ALeaderCutFromAMajorityOneWayCannotCommit) {
  cluster().cut(2, 1);
  cluster().cut(3, 1);
  const Asked written = put(1, "/a", "value=1");
  cluster().advance(5s);
  EXPECT_EQ(cluster().leader(), 0u);
  EXPECT_EQ(cluster().term(), 1u) << "the followers hear it, and so elect nobody";
  cluster().mend(2, 1);
  EXPECT_EQ(written.status(), 201);
}

TEST_F(ClusterElection, AFollowerThatHearsNothingElectsItselfOverALivingLeader) {
  cluster().cut(1, 3);
  cluster().advance(3s);
  EXPECT_EQ(cluster().leader(), 3u);
  EXPECT_EQ(cluster().term(), 2u);
  EXPECT_EQ(put(2, "/a", "value=1").status(), 201);
}

TEST_F(ClusterElection, AFollowerThatMissedSomethingIsNotElected) {
  cluster().isolate(3);
  put(1, "/a", "value=1");
  cluster().crash(1);
  cluster().heal();
  for (int round = 0; round < 20; ++round) cluster().advance(1s);
  EXPECT_EQ(cluster().leader(), 2u);
  EXPECT_EQ(get(3, "/a").status(), 200);
}

TEST_F(ClusterElection, FiveNodesGoOnWithoutTwo) {
  start({.nodes = 5});
  cluster().partition({1, 2}, {3, 4, 5});
  EXPECT_EQ(cluster().leader(), 0u) << "two of five are no majority";
  EXPECT_TRUE(put(1, "/a", "value=1").hangs());
  cluster().advance(3s);
  EXPECT_GE(cluster().leader(), 3u);
  EXPECT_EQ(put(4, "/b", "value=1").status(), 201);
  EXPECT_TRUE(get(1, "/b").hangs());
}

TEST_F(ClusterElection, LeadershipIsHandedToWhoeverIsNamed) {
  cluster().change_leader(3);
  EXPECT_EQ(cluster().leader(), 3u);
  EXPECT_EQ(cluster().term(), 2u);
  EXPECT_EQ(put(1, "/a", "value=1").header("X-Raft-Term"), 2u);
  cluster().change_leader();
  EXPECT_NE(cluster().leader(), 3u);
  EXPECT_EQ(cluster().term(), 3u);
}

TEST_F(ClusterElection, LeadershipIsNotHandedToANodeThatCannotBeElected) {
  cluster().isolate(3);
  cluster().change_leader(3);
  EXPECT_EQ(cluster().leader(), 1u);
  EXPECT_EQ(cluster().term(), 1u);
}

TEST_F(ClusterElection, ANodeAloneElectsItselfAfterARestart) {
  start({.nodes = 1});
  put(1, "/a", "value=1");
  cluster().crash(1);
  cluster().restart(1);
  const Asked read = get(1, "/a");
  EXPECT_TRUE(read.hangs());
  cluster().advance(3s);
  EXPECT_EQ(get(1, "/a").status(), 200);
  EXPECT_EQ(cluster().term(), 2u);
}

TEST_F(ClusterElection, AFollowerThatLagsAnswersAndTellsItsWatchersLater) {
  cluster().lag(3, 200ms);
  const Asked heard = watch(3, "/a");
  const Asked written = put(3, "/a", "value=1");
  const Asked elsewhere = get(1, "/a");
  EXPECT_EQ(elsewhere.status(), 200) << "it is committed";
  cluster().advance(199ms);
  EXPECT_TRUE(written.hangs());
  EXPECT_TRUE(heard.reply->open);
  cluster().advance(1ms);
  EXPECT_EQ(written.status(), 201);
  EXPECT_TRUE(heard.says("\"set\""));
}

TEST_F(ClusterElection, AReadThroughALaggingFollowerIsStillCurrent) {
  cluster().lag(3, 200ms);
  put(1, "/a", "value=1");
  const Asked read = get(3, "/a");
  EXPECT_TRUE(read.hangs());
  cluster().advance(200ms);
  EXPECT_EQ(read.status(), 200);
}

TEST_F(ClusterElection, LocalReadsOfALaggingFollowerAreStale) {
  start({.nodes = 3, .read_mode = ReadMode::local});
  cluster().lag(3, 200ms);
  put(1, "/a", "value=1");
  EXPECT_EQ(get(3, "/a").status(), 404);
  cluster().advance(200ms);
  EXPECT_EQ(get(3, "/a").status(), 200);
}

TEST_F(ClusterElection, AReadOnALeaseFailsOnlyOnceTheLeaseHasEnded) {
  start({.nodes = 3, .read_mode = ReadMode::leader_lease});
  put(1, "/a", "value=1");
  EXPECT_EQ(get(3, "/a").status(), 200);
  cluster().isolate(1);
  cluster().advance(1499ms);
  EXPECT_EQ(get(1, "/a").status(), 200);
  cluster().advance(1ms);
  EXPECT_TRUE(get(1, "/a").hangs());
}

TEST_F(ClusterElection, ALeaseThatOutlivesItsLeaderServesStaleReads) {
  start({.nodes = 3, .read_mode = ReadMode::leader_lease});
  put(1, "/a", "value=old");
  cluster().set_clock_rate(1, 0.1);
  cluster().isolate(1);
  cluster().advance(3s);
  ASSERT_NE(cluster().leader(), 0u);
  EXPECT_EQ(put(2, "/a", "value=new").status(), 200);
  EXPECT_TRUE(get(1, "/a").says("old"));
  EXPECT_TRUE(get(3, "/a").says("new"));
  cluster().advance(12s);
  EXPECT_TRUE(get(1, "/a").hangs());
}

}  // namespace
}  // namespace deimos::fake

// Crashes, pauses, clocks, and faults of the store.
#include <array>

#include "cluster/cluster_fixture.h"

namespace deimos::fake {
namespace {

using ClusterFault = ClusterFixture;

TEST_F(ClusterFault, ACrashBreaksWatchesAndRequestsAndRefusesNewOnes) {
  cluster().partition({1}, {2, 3});
  const Asked heard = watch(1, "/a");
  const Asked written = put(1, "/a", "value=1");
  cluster().crash(1);
  EXPECT_EQ(heard.reply->breaks, std::vector{Delivery::unknown});
  EXPECT_EQ(written.reply->breaks, std::vector{Delivery::unknown});
  EXPECT_EQ(get(1, "/a").reply->breaks, std::vector{Delivery::not_sent});
  EXPECT_EQ(cluster().state().nodes[0].watchers, 0u);
}

TEST_F(ClusterFault, ANodeRestartedFromItsLogStillHasItsHistory) {
  const std::uint64_t index = put(1, "/a", "value=1").header("X-Deimos-Index");
  cluster().crash(2);
  cluster().restart(2);
  EXPECT_TRUE(watch(2, "/a", index).says("\"set\""));
}

TEST_F(ClusterFault, ANodeRestartedFromASnapshotHasItsKeysAndNoHistory) {
  const std::uint64_t index = put(1, "/a", "value=1").header("X-Deimos-Index");
  cluster().crash(2);
  cluster().restart_from_snapshot(2);
  EXPECT_TRUE(watch(2, "/a", index).says("\"errorCode\":401"));
  EXPECT_EQ(get(2, "/a").status(), 200);
  EXPECT_TRUE(watch(1, "/a", index).says("\"set\"")) << "others have theirs";
}

TEST_F(ClusterFault, ATicketFromBeforeAResetNamesNothing) {
  const Asked before = watch(1, "/a");
  cluster().reset();
  const Asked after = watch(1, "/a");
  cluster().abandon(before.ticket);
  put(1, "/a", "value=1");
  EXPECT_EQ(after.reply->ends, 1);
}

TEST_F(ClusterFault, ANodeThatCatchesUpLateHangsWhatItIsAskedAndTheOthersGoOn) {
  put(1, "/a", "value=1");
  cluster().crash(2);
  put(1, "/a", "value=2");
  cluster().apply(Restart{2, false, 40s});
  const Asked read = get(2, "/a");
  const Asked written = put(2, "/b", "value=1");
  EXPECT_TRUE(read.hangs());
  EXPECT_EQ(get(1, "/b").status(), 200) << "the others have what it was asked to write";
  cluster().advance(11s);
  EXPECT_EQ(read.status(), 500);
  EXPECT_EQ(written.status(), 500);
  EXPECT_EQ(cluster().node(2).statistics().index, 7U);
  EXPECT_EQ(cluster().term(), 1U);
  cluster().advance(30s);
  EXPECT_EQ(get(2, "/b").status(), 200);
  EXPECT_EQ(cluster().node(2).statistics().index, 9U);
}

TEST_F(ClusterFault, ANodeThatWouldCatchUpLateDoesSoAtOnceAfterRecover) {
  cluster().crash(2);
  put(1, "/a", "value=1");
  cluster().apply(Restart{2, false, 40s});
  EXPECT_TRUE(get(2, "/a").hangs());
  cluster().recover();
  EXPECT_EQ(get(2, "/a").status(), 200);
}

TEST_F(ClusterFault, ARestartedNodeHearsWhatItMissed) {
  cluster().crash(3);
  const std::uint64_t index = put(1, "/a", "value=1").header("X-Deimos-Index");
  cluster().restart(3);
  EXPECT_TRUE(has_event(3, "/a", index));
}

TEST_F(ClusterFault, APausedNodesRequestsHangUntilItResumes) {
  const Asked heard = watch(2, "/b");
  cluster().pause(2);
  const Asked written = put(2, "/a", "value=1");
  const Asked listening = watch(2, "/a");
  EXPECT_EQ(put(1, "/b", "value=1").status(), 201);
  cluster().advance(1min);
  EXPECT_TRUE(written.hangs());
  EXPECT_TRUE(heard.reply->open);
  EXPECT_EQ(get(1, "/a").status(), 404);
  cluster().resume(2);
  EXPECT_EQ(written.status(), 201);
  EXPECT_TRUE(heard.says("/b"));
  EXPECT_TRUE(listening.reply->open) << "it came after the write";
}

TEST_F(ClusterFault, APausedLeaderIsReplacedAndLearnsOfIt) {
  cluster().pause(1);
  cluster().advance(3s);
  EXPECT_NE(cluster().leader(), 0u);
  EXPECT_NE(cluster().leader(), 1u);
  EXPECT_EQ(put(2, "/a", "value=1").status(), 201);
  const Asked written = put(1, "/b", "value=1");
  cluster().resume(1);
  EXPECT_EQ(cluster().state().nodes[0].role, Role::follower);
  EXPECT_EQ(written.status(), 201) << "forwarded to whoever leads by now";
}

TEST_F(ClusterFault, AShortPauseOfTheLeaderOnlyDelaysWrites) {
  cluster().pause(1);
  const Asked written = put(2, "/a", "value=1");
  cluster().advance(1s);
  EXPECT_TRUE(written.hangs());
  cluster().resume(1);
  EXPECT_EQ(written.status(), 201);
  EXPECT_EQ(cluster().term(), 1u);
}

TEST_F(ClusterFault, ATimeOutThatPassesInAPauseIsAnsweredAfterIt) {
  cluster().isolate(1);
  const Asked written = put(1, "/a", "value=1");
  cluster().pause(1);
  cluster().advance(1min);
  EXPECT_TRUE(written.hangs());
  cluster().resume(1);
  EXPECT_EQ(written.status(), 500);
}

TEST_F(ClusterFault, AbandonedRequestsOfAPausedNodeAreStillDone) {
  cluster().pause(2);
  const Asked written = put(2, "/a", "value=1");
  cluster().abandon(written.ticket);
  cluster().resume(2);
  EXPECT_FALSE(written.reply->answered);
  EXPECT_EQ(get(1, "/a").status(), 200);
}

TEST_F(ClusterFault, ASlowClockOfTheAcceptingNodeCutsALeaseShort) {
  cluster().skew_clock(2, -8s);
  put(2, "/lock", "value=me&ttl=10");
  cluster().advance(2s);
  EXPECT_EQ(get(1, "/lock").status(), 404) << "the leader, whose clock is right, has swept it";
}

TEST_F(ClusterFault, AFastClockOfTheAcceptingNodeProlongsALease) {
  cluster().skew_clock(2, 5s);
  put(2, "/lock", "value=me&ttl=10");
  cluster().advance(14s);
  EXPECT_TRUE(get(1, "/lock").says("\"ttl\":1"));
  cluster().advance(1s);
  EXPECT_EQ(get(1, "/lock").status(), 404);
}

TEST_F(ClusterFault, ANodeShowsTtlsByItsOwnClock) {
  put(1, "/lock", "value=me&ttl=10");
  cluster().skew_clock(3, 4s);
  EXPECT_TRUE(get(1, "/lock").says("\"ttl\":10"));
  EXPECT_TRUE(get(3, "/lock").says("\"ttl\":6"));
}

TEST_F(ClusterFault, SweepsGoByTheClockOfWhoeverLeads) {
  put(1, "/lock", "value=me&ttl=60");
  cluster().skew_clock(3, 1h);
  cluster().advance(1s);
  EXPECT_EQ(get(1, "/lock").status(), 200);
  cluster().change_leader(3);
  cluster().advance(500ms);
  EXPECT_EQ(get(1, "/lock").status(), 404);
}

TEST_F(ClusterFault, AClockThatJumpsExpiresWhatItPasses) {
  put(1, "/lock", "value=me&ttl=60");
  const Asked heard = watch(2, "/lock");
  cluster().step_clock(1, 2min);
  cluster().advance(500ms);
  EXPECT_TRUE(heard.says("\"expire\""));
}

TEST_F(ClusterFault, AFastRunningLeaderExpiresEarly) {
  cluster().set_clock_rate(1, 2);
  put(2, "/lock", "value=me&ttl=10");
  cluster().advance(4900ms);
  EXPECT_EQ(get(2, "/lock").status(), 200);
  cluster().advance(100ms);
  EXPECT_EQ(get(2, "/lock").status(), 404);
  EXPECT_EQ(cluster().now(1) - cluster().now(), 5s);
}

TEST_F(ClusterFault, AResetClockShowsTrueTimeAgain) {
  cluster().set_clock_rate(2, 0.5);
  cluster().advance(1min);
  EXPECT_EQ(cluster().now() - cluster().now(2), 30s);
  cluster().reset_clock(2);
  cluster().advance(1min);
  EXPECT_EQ(cluster().now(), cluster().now(2));
}

TEST_F(ClusterFault, SkippedSweepsLeaveExpiredKeysInTheWay) {
  put(1, "/lock", "value=me&ttl=1");
  cluster().skip_sweeps(54s);
  cluster().advance(4s);
  EXPECT_TRUE(get(1, "/lock").says("\"ttl\":-3"));
  EXPECT_EQ(put(2, "/lock", "value=you&prevExists=false").status(), 412);
  cluster().advance(50s);
  EXPECT_EQ(put(2, "/lock", "value=you&prevExists=false").status(), 201);
}

TEST_F(ClusterFault, SkippingSweepsIsUndone) {
  put(1, "/lock", "value=me&ttl=1");
  cluster().skip_sweeps(1h);
  cluster().advance(2s);
  cluster().skip_sweeps(0s);
  cluster().advance(500ms);
  EXPECT_EQ(get(1, "/lock").status(), 404);
}

TEST_F(ClusterFault, SweepsThatAreOftenMissedExpireLate) {
  start({.nodes = 3, .seed = 7, .missed_sweeps = 0.9});
  put(1, "/lock", "value=me&ttl=1");
  int sweeps = 0;
  while (get(1, "/lock").status() == 200 && sweeps < 1000) {
    cluster().advance(500ms);
    ++sweeps;
  }
  EXPECT_GT(sweeps, 2);
  EXPECT_LT(sweeps, 1000);
}

TEST_F(ClusterFault, AKeyIsExpiredAtOnceWithOrWithoutATtl) {
  put(1, "/locks/reports", "value=me");
  const Asked heard = watch(3, "/locks/reports");
  cluster().expire("/locks/reports");
  EXPECT_TRUE(heard.says("{\"action\":\"expire\",\"node\":{\"key\":\"/locks/reports\""));
  EXPECT_EQ(get(2, "/locks/reports").status(), 404);
}

TEST_F(ClusterFault, ExpiringWhatIsNotThereDoesNothing) {
  const std::uint64_t index = put(1, "/a", "value=1").header("X-Deimos-Index");
  cluster().expire("/b");
  EXPECT_EQ(put(1, "/a", "value=1").header("X-Deimos-Index"), index + 1);
}

TEST_F(ClusterFault, AWipedHistoryAnswersError401) {
  const std::uint64_t index = put(1, "/a", "value=1").header("X-Deimos-Index");
  cluster().wipe_history(2);
  EXPECT_TRUE(watch(2, "/a", index).says("\"errorCode\":401"));
  EXPECT_TRUE(watch(3, "/a", index).says("\"set\""));
  cluster().wipe_history();
  EXPECT_TRUE(watch(3, "/a", index).says("\"errorCode\":401"));
}

TEST_F(ClusterFault, AForgottenWatcherHearsNothingUntilItTimesOut) {
  const Asked heard = watch(2, "/a");
  cluster().forget_watchers(2);
  const std::uint64_t index = put(1, "/a", "value=1").header("X-Deimos-Index");
  EXPECT_TRUE(heard.reply->open);
  EXPECT_TRUE(watch(2, "/a", index).says("\"set\"")) << "asking again from the same index gets it";
  cluster().advance(5min);
  EXPECT_FALSE(heard.reply->open);
  EXPECT_EQ(heard.body(), "");
}

TEST_F(ClusterFault, WatchersAreForgottenByKey) {
  const Asked one = watch(2, "/locks/a");
  const Asked other = watch(2, "/config");
  cluster().apply(ForgetWatchers{0, "/locks/*"});
  put(1, "/locks/a", "value=1");
  put(1, "/config", "value=1");
  EXPECT_TRUE(one.reply->open);
  EXPECT_TRUE(other.says("\"set\""));
}

TEST_F(ClusterFault, FaultsHappenAtTheInstantTheyAreScheduledFor) {
  cluster().at(cluster().now() + 10s, Crash{2});
  cluster().after(20s, Restart{2});
  cluster().advance(9999ms);
  EXPECT_EQ(get(2, "/").status(), 200);
  EXPECT_EQ(cluster().state().scheduled_faults, 2u);
  cluster().advance(1ms);
  EXPECT_FALSE(get(2, "/").reply->breaks.empty());
  cluster().advance(10s);
  EXPECT_EQ(get(2, "/").status(), 200);
}

TEST_F(ClusterFault, AScheduledFaultIsTakenBack) {
  const FaultId crash = cluster().after(10s, Crash{2});
  EXPECT_TRUE(cluster().cancel(crash));
  EXPECT_FALSE(cluster().cancel(crash));
  cluster().advance(11s);
  EXPECT_EQ(get(2, "/").status(), 200);
}

TEST_F(ClusterFault, RecoveringUndoesEverything) {
  for (const Fault& fault :
       std::initializer_list<Fault>{Partition{{{1}, {2}, {3}}}, Crash{2}, Pause{3}, SkewClock{1, 5s}, Lag{2, 1s, 2s},
                                    SkipSweeps{1h}, AddRule{{"loss", {}, DropRequest{}}}}) {
    cluster().apply(fault);
  }
  cluster().recover();
  cluster().advance(3s);
  const Asked written = put(2, "/a", "value=1&ttl=1");
  EXPECT_EQ(written.status(), 201) << cluster().describe();
  cluster().advance(2s);
  EXPECT_EQ(get(3, "/a").status(), 404);
  EXPECT_TRUE(cluster().rules().empty());
  EXPECT_EQ(cluster().now(1), cluster().now());
}

TEST_F(ClusterFault, ImpossibleFaultsAreRefusedSayingWhyAndChangeNothing) {
  struct Case {
    Fault fault;
    const char* why;
  };
  const std::array cases{
      Case{Crash{4}, "there is no node 4 in a cluster of 3"},
      Case{Crash{0}, "there is no node 0"},
      Case{Partition{}, "without a group"},
      Case{Partition{{{1}, {}}}, "empty group"},
      Case{Partition{{{1, 2}, {2, 3}}}, "node 2 is in a partition twice"},
      Case{Partition{{{1, 9}}}, "no node 9"},
      Case{CutLink{1, 1}, "to itself"},
      Case{CutLink{1, 4}, "no node 4"},
      Case{SkipSweeps{-1s}, "negative duration of -1s"},
      Case{Lag{1, 2s, 1s}, "at least 2s and at most 1s"},
      Case{SkewClock{1, std::chrono::nanoseconds::max()}, "overflow"},
      Case{SkewClock{1, std::chrono::nanoseconds::min()}, "overflow"},
      Case{StepClock{1, 200 * 365 * 24h}, "overflow"},
      Case{SetClockRate{1, 0}, "clock rate of 0"},
      Case{SetClockRate{1, -1}, "clock rate of -1"},
      Case{ExpireKey{"a"}, "'a' is not a key"},
      Case{ExpireKey{"/a//b"}, "empty or dot segment"},
      Case{WipeHistory{7}, "no node 7"},
      Case{ChangeLeader{4}, "no node 4"},
      Case{AddRule{{"odd", {.node = 5}, Pass{}}}, "rule 'odd': there is no node 5"},
  };
  const std::string before = cluster().describe();
  for (const Case& each : cases) {
    try {
      cluster().apply(each.fault);
      ADD_FAILURE() << "was accepted: " << describe(each.fault);
    } catch (const std::invalid_argument& refused) {
      EXPECT_NE(std::string(refused.what()).find(each.why), std::string::npos) << refused.what();
    }
    EXPECT_THROW(cluster().after(1s, each.fault), std::invalid_argument);
  }
  EXPECT_THROW(cluster().at(cluster().now() - 1s, Heal{}), std::invalid_argument);
  EXPECT_THROW(cluster().after(-1s, Heal{}), std::invalid_argument);
  EXPECT_THROW(cluster().advance(-1s), std::invalid_argument);
  EXPECT_THROW((void)cluster().node(4), std::invalid_argument);
  EXPECT_THROW((void)cluster().now(0), std::invalid_argument);
  EXPECT_EQ(cluster().describe(), before);
}

/// What the constructor says against the options; empty if nothing.
std::string refusal_of(const ClusterOptions& options) {
  try {
    const Cluster cluster(options);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST_F(ClusterFault, ImpossibleOptionsAreRefusedSayingRuleAndValue) {
  EXPECT_EQ(refusal_of({.nodes = 0}), "nodes must be from 1 to 99, but is 0");
  EXPECT_EQ(refusal_of({.nodes = 100}), "nodes must be from 1 to 99, but is 100");
  EXPECT_EQ(refusal_of({.nodes = 1, .members = {{}, {}}}), "members must be no more than nodes, but is 2");
  EXPECT_EQ(refusal_of({.nodes = 2, .members = {{"twin"}, {"twin"}}}), "nodes 1 and 2 have the same name or URL");
  EXPECT_EQ(refusal_of({.request_timeout = 0s}), "request_timeout must be positive, but is 0s");
  EXPECT_EQ(refusal_of({.election_ticks_least = 0}), "election_ticks_least must be positive, but is 0");
  EXPECT_EQ(refusal_of({.election_ticks_least = 5, .election_ticks_most = 4}),
            "election_ticks_most must be from election_ticks_least to 1,000,000, but is 4");
  EXPECT_EQ(refusal_of({.lag_least = 2ms, .lag_most = 1ms}), "lag_most must not be below lag_least, but is 1ms");
  EXPECT_EQ(refusal_of({.missed_sweeps = 1}), "missed_sweeps must be from 0 to below 1, but is 1");
  EXPECT_EQ(refusal_of({.limits = {.history_capacity = 0}}), "limits.history_capacity must be positive, but is 0");
  EXPECT_EQ(refusal_of({}), "");
}

TEST_F(ClusterFault, FaultsHaveNamesAndSayWhatTheyDo) {
  EXPECT_EQ(name_of(Fault(Partition{})), "partition");
  EXPECT_EQ(name_of(Fault(SetClockRate{})), "set_clock_rate");
  EXPECT_EQ(name_of(Fault(WipeHistory{})), "wipe_history");
  EXPECT_EQ(name_of(Fault(Recover{})), "recover");
  EXPECT_EQ(name_of(RuleAction(RefuseConnection{})), "refuse_connection");
  EXPECT_EQ(describe(Fault(Partition{{{1}, {2, 3}}})), "partition {1} {2, 3}");
  EXPECT_EQ(describe(Fault(SkewClock{2, 1500ms})), "skew clock of node 2 by +1.5s");
  EXPECT_EQ(describe(Fault(Lag{2, 1ms, 2s})), "lag of node 2 by 1ms to 2s");
  EXPECT_EQ(describe(Fault(AddRule{{"loss", {.node = 2, .method = "PUT", .key = "/locks/*", .nth = 1}, DropAnswer{}}})),
            "add rule 'loss' drop answer: PUT /locks/* at node 2, number 1 only");
}

}  // namespace
}  // namespace deimos::fake

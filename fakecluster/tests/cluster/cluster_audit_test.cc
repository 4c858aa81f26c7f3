// What a checker is told: the truth about every change.
#include <vector>

#include "cluster/cluster_fixture.h"

namespace deimos::fake {
namespace {

class ClusterAudit : public ClusterFixture {
 protected:
  void observe() {
    cluster().set_observer([this](const AuditRecord& record) { records.push_back(record); });
  }
  std::vector<AuditRecord> records;
};

TEST_F(ClusterAudit, AWriteIsToldWithWhoAskedWhomForWhat) {
  observe();
  ask(2, "PUT", "/locks/a", "value=me&prevExists=false", {.client = "worker", .request = 77});
  ASSERT_EQ(records.size(), 1u);
  const AuditRecord& record = records[0];
  EXPECT_EQ(record.accepted_by, 2u);
  EXPECT_EQ(record.client, "worker");
  EXPECT_EQ(record.request, 77u);
  EXPECT_EQ(record.kind, Command::Kind::create);
  EXPECT_EQ(record.key, "/locks/a");
  EXPECT_EQ(record.value, "me");
  EXPECT_TRUE(record.compared);
  EXPECT_EQ(record.at, cluster().now());
  EXPECT_EQ(record.term, 1u);
  EXPECT_FALSE(record.error);
  ASSERT_TRUE(record.event);
  EXPECT_EQ(record.event->index, 7u);
}

TEST_F(ClusterAudit, ARefusedWriteIsToldWithItsError) {
  put(1, "/a", "value=1");
  observe();
  put(1, "/a", "value=2&prevValue=x");
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].error, errc::compare_failed);
  EXPECT_EQ(records[0].previous_value, "x");
  EXPECT_FALSE(records[0].event);
}

TEST_F(ClusterAudit, ItIsToldWhetherAMutationComparedWithWhatWasThere) {
  observe();
  put(1, "/a", "value=1");
  put(1, "/a", "value=2&prevValue=1");
  put(1, "/a", "value=3&prevExists=true");
  ask(1, "DELETE", "/a?prevValue=3");
  put(1, "/a", "value=4");
  ask(1, "DELETE", "/a", "prevValue=nobody-reads-this");
  std::vector<bool> compared;
  for (const AuditRecord& record : records) compared.push_back(record.compared);
  EXPECT_EQ(compared, (std::vector{false, true, false, true, false, false}));
  EXPECT_FALSE(records.back().error);
}

TEST_F(ClusterAudit, ASweepIsToldOnceForEachKeyThatItExpires) {
  put(1, "/a", "value=1&ttl=1");
  put(1, "/b", "value=1&ttl=1");
  observe();
  cluster().advance(2s);
  ASSERT_EQ(records.size(), 2u);
  for (const AuditRecord& record : records) {
    EXPECT_EQ(record.kind, Command::Kind::sweep);
    EXPECT_EQ(record.event->action, Action::expire);
    EXPECT_EQ(record.accepted_by, 1u);
  }
  EXPECT_EQ(records[0].key, "/a");
  EXPECT_EQ(records[1].key, "/b");
}

TEST_F(ClusterAudit, WhatIsAppliedLateIsToldWithBothInstants) {
  observe();
  cluster().isolate(1);
  const Instant asked = cluster().now();
  put(1, "/a", "value=1");
  cluster().advance(1s);
  EXPECT_TRUE(records.empty());
  cluster().heal();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].accepted_at, asked);
  EXPECT_EQ(records[0].at, asked + 1s);
}

TEST_F(ClusterAudit, ItIsKnownWhetherAndWhenARequestWasApplied) {
  cluster().add_rule({"", {.key = "/dropped"}, DropRequest{}});
  cluster().add_rule({"", {.key = "/unanswered"}, DropAnswer{}});
  const Asked dropped = ask(1, "PUT", "/dropped", "value=1", {"", 1});
  const Asked unanswered = ask(2, "PUT", "/unanswered", "value=1", {"", 2});
  ask(3, "PUT", "/unanswered", "value=2&prevExists=false", {"", 3});
  EXPECT_FALSE(cluster().applied(1));
  ASSERT_TRUE(cluster().applied(2));
  EXPECT_EQ(cluster().applied(2)->at, cluster().now());
  EXPECT_TRUE(cluster().applied(2)->succeeded);
  EXPECT_FALSE(cluster().applied(3)->succeeded);
  EXPECT_FALSE(cluster().applied(4));
  cluster().abandon(dropped.ticket);
  cluster().abandon(unanswered.ticket);
}

TEST_F(ClusterAudit, WhoeverKeepsTimeIsToldWhenSomethingIsDueSooner) {
  std::vector<Instant> told;
  const Instant start = cluster().now();
  cluster().on_due_sooner([&](Instant due) { told.push_back(due); });
  put(1, "/a", "value=1&ttl=60");
  EXPECT_EQ(told, std::vector{start + 60s});
  put(1, "/b", "value=1&ttl=90");
  EXPECT_EQ(told.size(), 1u) << "that is later";
  put(1, "/c", "value=1&ttl=5");
  EXPECT_EQ(told.back(), start + 5s);
  EXPECT_EQ(cluster().next_due(), start + 5s);
}

}  // namespace
}  // namespace deimos::fake

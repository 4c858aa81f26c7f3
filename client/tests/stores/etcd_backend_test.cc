// What is etcd's own about locks in etcd: leases that are shared, answers that are lost, history that is compacted, and
// etcd's own clients beside ours.
#include <future>
#include <optional>
#include <thread>

#include "stores/etcd_suite.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Fate = LossyTransport::Fate;

class EtcdBackendTest : public EtcdSuite {};

TEST_F(EtcdBackendTest, LockAndUnlockAreTwoRequests) {
  LockManager locks = manager(connect());
  const Mutex mutex = locks.mutex("m");
  ASSERT_TRUE(mutex.acquire()->release());
  EXPECT_EQ(requests->count("/version"), 1);
  EXPECT_EQ(requests->count("/v3/lease/grant"), 1);
  requests->reset();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(mutex.acquire()->release());
  EXPECT_EQ(requests->count("/v3/kv/txn"), 20);
  EXPECT_EQ(requests->total(), 20);
}

TEST_F(EtcdBackendTest, FairLockAndUnlockAreThreeRequests) {
  LockManager locks = manager(connect());
  const Mutex mutex = locks.mutex("m", {.fairness = Fairness::fair});
  ASSERT_TRUE(mutex.acquire()->release());
  requests->reset();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(mutex.acquire()->release());
  EXPECT_EQ(requests->total(), 30);
}

TEST_F(EtcdBackendTest, AThousandLocksShareOneLeaseAndOneKeepAlive) {
  const auto backend = connect();
  std::atomic<int> renewed = 0;
  LockManager locks = manager(backend, {.ttl = 10s, .on_event = [&](const LockEvent& event) {
                                          EXPECT_NE(event.kind, LockEvent::Kind::lost);
                                          EXPECT_NE(event.kind, LockEvent::Kind::renewal_failed);
                                          if (event.kind == LockEvent::Kind::renewed) ++renewed;
                                        }});
  std::vector<Hold> held;
  for (int i = 0; i < 1000; ++i) {
    held.push_back(locks.mutex("lock" + std::to_string(i)).acquire().value());
    if (i == 0) requests->reset();
  }
  EXPECT_EQ(leases(), 1);
  const int before = requests->count("/v3/lease/keepalive");
  const int renewed_before = renewed;
  const TimePoint end = runtime->now() + 60s;
  while (renewed - renewed_before < 2000 && runtime->now() < end) runtime->sleep_for(50ms);
  const int keep_alives = requests->count("/v3/lease/keepalive") - before;
  EXPECT_GE(renewed - renewed_before, 2000) << "each lock is renewed in each period";
  // One for each period; a few more where the machine is too slow to get through a thousand in a tenth of the ttl.
  EXPECT_LE(keep_alives, 8);
  EXPECT_LE(requests->count("/v3/kv/lease/timetolive"), requests->count("/v3/lease/keepalive") + 1);
  for (const Hold& hold : held) EXPECT_TRUE(hold.is_held());
}

TEST_F(EtcdBackendTest, ClosingLeavesNothingBehind) {
  {
    const auto backend = connect();
    LockManager locks = manager(backend);
    LockManager others = manager(backend, {.prefix = "/others", .ttl = 20s});
    const Result<Hold> one = locks.mutex("m").acquire();
    const Result<Hold> two = others.semaphore("s", {.permits = 2}).acquire();
    ASSERT_TRUE(one && two) << why(one) << why(two);
    EXPECT_EQ(leases(), 2);
  }
  EXPECT_EQ(leases(), 0);
  // How many permits there are stays, as it is nobody's.
  EXPECT_EQ(server.ctl({"get", "--prefix", "/", "--keys-only"}).output, "/others/s/limit\n\n");
}

TEST_F(EtcdBackendTest, RewrittenRecordIsOnALeaseThatWasKeptAliveForIt) {
  const auto backend = connect();
  const auto made = backend->acquire("/x/m", "one", 10s, soon());
  ASSERT_TRUE(made);
  LockRecord record = *backend->inspect("/x/m", soon())->record;
  const TimePoint asked = runtime->now();
  const auto rewritten = backend->take_over(record, "two", 10s, soon());
  ASSERT_TRUE(rewritten) << why(rewritten);
  ASSERT_TRUE(rewritten->lease_from);
  EXPECT_GE(*rewritten->lease_from, asked);
  EXPECT_GT(rewritten->fencing_token, record.revision);
  EXPECT_EQ(backend->inspect("/x/m", soon())->record->created_revision, record.created_revision);
  const auto late = backend->take_over(record, "three", 10s, soon());
  ASSERT_FALSE(late);
  EXPECT_TRUE(late.error().code == errc::compare_failed || late.error().code == errc::lock_not_held) << why(late);
}

TEST_F(EtcdBackendTest, LeaseThatSomebodyRevokesIsLossAndHealed) {
  std::promise<Error> lost;
  LockManager locks = manager(connect(), {.ttl = 3s});
  const Hold held = locks.mutex("m").acquire({.on_lost = [&](const Error& why) { lost.set_value(why); }}).value();
  const std::string list = server.ctl({"lease", "list"}).output;
  server.ctl({"lease", "revoke", list.substr(list.find('\n') + 1, 16)});
  EXPECT_EQ(lost.get_future().get().code, errc::lock_not_held);
  const Result<Hold> again = locks.mutex("m").acquire({.wait = 5s});
  ASSERT_TRUE(again) << why(again);
  EXPECT_GT(again->fencing_token(), held.fencing_token());
  EXPECT_TRUE(again->renew());
}

TEST_F(EtcdBackendTest, RecordOverwrittenByAnotherIsNoticed) {
  LockManager locks = manager(connect(), {.ttl = 3s});
  const Hold held = locks.mutex("m").acquire().value();
  server.ctl({"put", "/locks/m", "mine"});
  const Result<void> renewed = held.renew();
  ASSERT_FALSE(renewed);
  EXPECT_EQ(renewed.error().code, errc::lock_not_held) << why(renewed);
}

TEST_F(EtcdBackendTest, AnotherHolderOfTheSameBackendIsNotTakenForOneself) {
  const auto backend = connect();
  LockManager a = manager(backend, {.ttl = 10s});
  LockManager b = manager(backend, {.ttl = 10s});
  const Hold held = a.mutex("m").acquire().value();
  EXPECT_TRUE(b.force_unlock("m").value());
  const Result<Hold> next = b.mutex("m").acquire({.wait = 0s});
  ASSERT_TRUE(next) << why(next);
  EXPECT_TRUE(next->renew());
  const Result<void> renewed = held.renew();
  ASSERT_FALSE(renewed) << "the key is on the same lease, but with another's token";
  EXPECT_EQ(renewed.error().code, errc::lock_not_held);
  EXPECT_TRUE(next->is_held());
}

TEST_F(EtcdBackendTest, CreationWithoutAnAnswerIsResolved) {
  const auto transport = std::make_shared<LossyTransport>(runtime);
  LockManager locks = manager(connect_over(transport));
  ASSERT_TRUE(locks.mutex("first").acquire()->release());
  for (const Fate fate : {Fate::lose_answer, Fate::lose_request}) {
    transport->set(losing_first("request_put", fate));
    Result<Hold> held = locks.mutex("m").acquire({.wait = 5s});
    ASSERT_TRUE(held) << why(held);
    EXPECT_TRUE(held->renew());
    ASSERT_TRUE(held->release());
    transport->set(losing_first("request_put", fate));
    held = locks.mutex("f", {.fairness = Fairness::fair}).acquire({.wait = 5s});
    ASSERT_TRUE(held) << why(held);
    EXPECT_EQ(locks.line("f").value().size(), 1U) << "there is a place beside its own";
    ASSERT_TRUE(held->release());
  }
  EXPECT_EQ(server.ctl({"get", "--prefix", "/", "--keys-only"}).output, "");
}

TEST_F(EtcdBackendTest, GrantAndKeepAliveWithoutAnAnswerAreAskedForAgain) {
  const auto transport = std::make_shared<LossyTransport>(runtime);
  const auto backend = connect_over(transport);
  LockManager locks = manager(backend);
  transport->set(losing_first("\"TTL\"", Fate::lose_answer));
  const Result<Hold> held = locks.mutex("m").acquire({.wait = 5s});
  ASSERT_TRUE(held) << why(held);
  EXPECT_EQ(leases(), 1);
  transport->set(losing_first("{\"ID\":", Fate::lose_answer));
  EXPECT_TRUE(held->renew());
}

TEST_F(EtcdBackendTest, WhatAReleaseCouldNotRemoveGoesBeforeTheLeaseIsKeptAlive) {
  const auto transport = std::make_shared<LossyTransport>(runtime);
  const auto backend = connect_over(transport);
  LockManager locks = manager(backend);
  const auto kept = backend->acquire("/x/kept", "one", 10s, soon());
  const auto made = backend->acquire("/x/left", "two", 10s, soon());
  ASSERT_TRUE(kept && made);
  transport->set(losing_first("request_delete_range", Fate::lose_request));
  EXPECT_FALSE(backend->release("/x/left", "two", soon()));
  ASSERT_TRUE(backend->inspect("/x/left", soon()));
  EXPECT_FALSE(backend->inspect("/x/left", soon())->record) << "it may be removed at any time";
  EXPECT_THAT(server.ctl({"get", "/x/left"}).output, HasSubstr("two"));
  ASSERT_TRUE(backend->renew("/x/kept", "one", std::get<Granted>(*kept).fencing_token, 10s, soon()));
  EXPECT_EQ(server.ctl({"get", "/x/left"}).output, "");
  EXPECT_THAT(server.ctl({"get", "/x/kept"}).output, HasSubstr("one"));
}

TEST_F(EtcdBackendTest, UnclearCreationThatNobodyWantsGoesToo) {
  const auto transport = std::make_shared<LossyTransport>(runtime);
  const auto backend = connect_over(transport);
  const auto kept = backend->acquire("/x/kept", "one", 10s, soon());
  ASSERT_TRUE(kept);
  for (const bool wanted : {false, true}) {
    transport->set(losing_first("request_put", Fate::lose_answer));
    const auto made = backend->acquire("/x/left", "two", 10s, soon());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, condition::outcome_unknown);
    if (wanted) {
      const auto seen = backend->inspect("/x/left", soon());
      ASSERT_TRUE(seen && seen->record);
      EXPECT_TRUE(backend->renew("/x/left", "two", seen->record->revision, 10s, soon()));
    }
    ASSERT_TRUE(backend->renew("/x/kept", "one", std::get<Granted>(*kept).fencing_token, 10s, soon()));
    EXPECT_EQ(server.ctl({"get", "/x/left", "--print-value-only"}).output, wanted ? "two\n" : "");
  }
}

TEST_F(EtcdBackendTest, CompactedHistoryIsSaidAndSurvived) {
  const auto backend = connect();
  for (int i = 0; i < 5; ++i) server.ctl({"put", "/noise", std::to_string(i)});
  server.ctl({"compaction", "5"});
  const auto change = backend->wait_for_change("/locks/m", 2, soon());
  ASSERT_FALSE(change);
  EXPECT_EQ(change.error().code, errc::history_cleared) << why(change);

  LockManager a = manager(connect());
  LockManager b = manager(connect(), {.poll_interval = 200ms});
  std::optional<Hold> held(a.mutex("m").acquire().value());
  auto waiting = std::async(std::launch::async, [&] { return b.mutex("m").acquire({.wait = 20s}); });
  for (int i = 0; i < 5; ++i) {
    server.ctl({"put", "/noise", std::to_string(i)});
    const std::string revision = std::to_string(a.info("m").value()->revision + 1 + static_cast<std::uint64_t>(i));
    server.ctl({"compaction", revision});
    runtime->sleep_for(250ms);
  }
  held.reset();
  const Result<Hold> got = waiting.get();
  EXPECT_TRUE(got) << why(got);
}

TEST_F(EtcdBackendTest, WatchEndsWithItsFirstEventAndWithItsDeadline) {
  const auto backend = connect();
  const auto revision = backend->inspect("/k", soon())->revision;
  auto waiting = std::async(std::launch::async, [&] { return backend->wait_for_change("/k", revision + 1, soon()); });
  server.ctl({"put", "/kk", "not it"});
  server.ctl({"put", "/k", "it"});
  const auto change = waiting.get();
  ASSERT_TRUE(change && *change) << why(change);
  EXPECT_EQ((*change)->key, "/k");
  EXPECT_EQ((*change)->token, "it");
  EXPECT_EQ((*change)->revision, revision + 2);
  const TimePoint began = runtime->now();
  const auto nothing = backend->wait_for_change("/k", revision + 3, {began + 300ms});
  ASSERT_TRUE(nothing) << why(nothing);
  EXPECT_FALSE(*nothing);
  EXPECT_LT(runtime->now() - began, 3s);
}

TEST_F(EtcdBackendTest, WhatOneWriteDoesToManyIsToldOfTheDirectory) {
  const auto backend = connect();
  for (const char* key : {"/d/a", "/d/b", "/d/c"}) server.ctl({"put", key, "x"});
  const auto revision = backend->inspect("/k", soon())->revision;
  server.ctl({"del", "/d/a", "/d/c"});
  server.ctl({"del", "/d/c"});
  const auto change = backend->wait_for_any_change("/d", revision + 1, soon());
  ASSERT_TRUE(change && *change) << why(change);
  EXPECT_EQ((*change)->key, "/d");
  EXPECT_TRUE((*change)->released);
  const auto next = backend->wait_for_any_change("/d", (*change)->revision + 1, soon());
  ASSERT_TRUE(next && *next) << why(next);
  EXPECT_EQ((*next)->key, "/d/c");
  EXPECT_TRUE((*next)->released);
}

TEST_F(EtcdBackendTest, EtcdctlLockAndOurFairMutexExcludeEachOther) {
  LockManager locks = manager(connect());
  const Mutex mutex = locks.mutex("both", {.fairness = Fairness::fair});
  std::optional<Hold> ours(mutex.acquire().value());
  ScratchFolder folder;
  const std::string mark = (folder.path() / "mark").string();
  // Says on the standard error that it is in, and stays until its mark is there.
  const std::string script = "echo it is in; while [ ! -e " + mark + " ]; do sleep 0.05; done";
  ServerProcess theirs(server.ctl_command({"lock", "/locks/both", "--", "sh", "-c", script}), {"it is in"});
  const auto deadline = runtime->now() + 20s;
  while (locks.line("both").value().size() < 2 && runtime->now() < deadline) runtime->sleep_for(20ms);
  const auto line = locks.line("both");
  ASSERT_TRUE(line && line->size() == 2) << why(line);
  EXPECT_TRUE((*line)[1].waiting);
  EXPECT_EQ((*line)[1].kind, LockKind::fair_mutex);
  EXPECT_FALSE(theirs.is_ready());

  ours.reset();
  ASSERT_TRUE(theirs.wait_until_ready());
  const Result<Hold> refused = mutex.acquire({.wait = 0s});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::lock_already_held) << why(refused);
  auto waiting = std::async(std::launch::async, [&] { return mutex.acquire({.wait = 20s}); });
  ASSERT_EQ(run_program({"touch", mark}).status, 0);
  const Result<Hold> got = waiting.get();
  EXPECT_TRUE(got) << why(got);
}

TEST_F(EtcdBackendTest, EtcdctlElectAndOurElectionExcludeEachOther) {
  LockManager locks = manager(connect());
  const Election election = locks.election("boss");
  std::optional<Leadership> ours(election.campaign("ours").value());
  ServerProcess theirs(server.ctl_command({"elect", "/locks/boss", "theirs"}), {"theirs"});
  const auto deadline = runtime->now() + 20s;
  while (locks.line("boss").value().size() < 2 && runtime->now() < deadline) runtime->sleep_for(20ms);
  EXPECT_EQ(election.leader().value()->message, "ours");
  EXPECT_FALSE(theirs.is_ready());
  ours.reset();
  ASSERT_TRUE(theirs.wait_until_ready());
  EXPECT_EQ(election.leader().value()->message, "theirs");
  EXPECT_FALSE(election.campaign("ours", {.wait = 0s}));
  EXPECT_TRUE(locks.force_unlock("boss").value());
  const Result<Leadership> again = election.campaign("ours", {.wait = 10s});
  EXPECT_TRUE(again) << why(again);
}

}  // namespace
}  // namespace deimos

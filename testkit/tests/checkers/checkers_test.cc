// Each checker on histories made by hand: one that is right, and what it has to find.
#include <deimos/testkit/checkers.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deimos/testkit/lock_matchers.h>
#include <deimos/testkit/simulation.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

const LockOwner one{.process = "one"};
const LockOwner two{.process = "two"};

/// `owner` holds 'a' from `granted` to `until`.
Tenure tenure(const LockOwner& owner, std::uint64_t token, Duration granted, Duration until) {
  Tenure tenure;
  tenure.owner = owner;
  tenure.lock = "a";
  tenure.fencing_token = token;
  tenure.granted = granted;
  tenure.until = until;
  tenure.end = Tenure::End::released;
  tenure.released_well = true;
  tenure.deadline = until + 5s;
  return tenure;
}

/// The call by which tenure number `index` was granted.
LockCall acquire(const LockHistory& history, std::size_t index, Duration called) {
  const Tenure& granted = history.tenures[index];
  LockCall call;
  call.owner = granted.owner;
  call.lock = granted.lock;
  call.called = called;
  call.returned = granted.granted;
  call.fencing_token = granted.fencing_token;
  call.tenure = index;
  return call;
}

/// One, then two hold 'a', as it should be.
LockHistory turns() {
  LockHistory history;
  history.tenures = {tenure(one, 5, 1s, 3s), tenure(two, 8, 3s, 6s)};
  history.calls = {acquire(history, 0, 0s), acquire(history, 1, 2s)};
  history.end = 20s;
  return history;
}

TEST(CheckersTest, AreContentWithTurns) {
  const LockHistory history = turns();
  EXPECT_THAT(history, IsMutuallyExclusive());
  EXPECT_THAT(history, HasGrowingTokens());
  EXPECT_THAT(history, AnnouncesLosses());
  EXPECT_THAT(history, ReturnsInTime());
  EXPECT_THAT(history, CountsReentry());
  EXPECT_THAT(history, ServesWaiters({.after_release = 1s}));
}

TEST(CheckersTest, FindTwoHoldersAndSayWhoAndWhen) {
  LockHistory history = turns();
  history.tenures[0].until = 4s;
  EXPECT_THAT(history, Not(IsMutuallyExclusive()));
  EXPECT_THAT(mutual_exclusion(history).what(), HasSubstr("two owners hold 'a' at +3.000000000s"));
}

/// A write of the record of 'a' at `at` that leaves it a lease until `end`.
fake::AuditRecord write_of_lease(std::uint64_t index, Duration at, Duration end) {
  fake::AuditRecord record;
  record.at = fake::ManualClock::epoch + at;
  record.key = "/locks/a";
  record.value = "token of one";
  record.event.emplace();
  record.event->index = index;
  record.event->node.expiration = fake::ManualClock::epoch + end;
  return record;
}

TEST(CheckersTest, FindAnOwnerThatOutlivesItsLease) {
  LockHistory history;
  history.tenures = {tenure(one, 5, 1s, 9s)};
  history.end = 20s;
  EXPECT_TRUE(leases(history, {write_of_lease(5, 1s, 11s)}, "/locks"));
  EXPECT_TRUE(leases(history, {write_of_lease(5, 1s, 6s), write_of_lease(7, 4s, 9s)}, "/locks"));
  EXPECT_FALSE(leases(history, {write_of_lease(5, 1s, 8s)}, "/locks"));
  EXPECT_TRUE(leases(history, {write_of_lease(5, 1s, 8s)}, "/others")) << "of another lock";
}

TEST(CheckersTest, FindALeaseThatALateRenewalShortened) {
  LockHistory history;
  history.tenures = {tenure(one, 5, 1s, 9s)};
  history.end = 20s;
  const std::vector<fake::AuditRecord> audit{write_of_lease(5, 1s, 6s), write_of_lease(7, 4s, 10s),
                                             write_of_lease(8, 5s, 8s)};
  EXPECT_THAT(leases(history, audit, "/locks").what(), HasSubstr("a lease ended at +8.000000000s"));
}

TEST(CheckersTest, FindATokenThatDoesNotGrow) {
  LockHistory history = turns();
  history.tenures[1].fencing_token = history.calls[1].fencing_token = 5;
  EXPECT_THAT(history, Not(HasGrowingTokens()));
  history.calls[1].called = 1500ms;
  history.tenures[1].fencing_token = history.calls[1].fencing_token = 4;
  EXPECT_THAT(history, Not(HasGrowingTokens()));
}

TEST(CheckersTest, LetTokensOfCallsThatOverlapComeInAnyOrder) {
  LockHistory history = turns();
  history.calls[1].called = 500ms;
  history.tenures[1].fencing_token = history.calls[1].fencing_token = 4;
  EXPECT_THAT(history, HasGrowingTokens());
}

TEST(CheckersTest, FindAReentryThatChangesTheToken) {
  LockHistory history = turns();
  LockCall again = acquire(history, 0, 2s);
  again.returned = 2s;
  again.believed_before = true;
  again.depth_before = 1;
  history.calls.push_back(again);
  EXPECT_THAT(history, HasGrowingTokens());
  EXPECT_THAT(history, CountsReentry());
  history.calls.back().fencing_token = 6;
  EXPECT_THAT(history, Not(HasGrowingTokens()));
  EXPECT_THAT(history, Not(CountsReentry()));
}

TEST(CheckersTest, FindALossThatIsAnnouncedLateTwiceNeverOrWithoutNeed) {
  LockHistory history = turns();
  Tenure& lost = history.tenures[1];
  lost.released_well = false;
  lost.end = Tenure::End::expired;
  lost.deadline = lost.until;
  EXPECT_THAT(loss_is_announced(history).what(), HasSubstr("never announced"));
  lost.announced = 6s;
  EXPECT_THAT(loss_is_announced(history).what(), HasSubstr("callback was never called"));
  lost.callbacks = {6s};
  EXPECT_THAT(history, AnnouncesLosses());
  lost.callbacks = {6s, 7s};
  EXPECT_THAT(loss_is_announced(history).what(), HasSubstr("2 times"));
  lost.callbacks = {7s};
  lost.announced = 7s;
  EXPECT_THAT(loss_is_announced(history).what(), HasSubstr("too late"));
  history.standstills = {{"two", 5s, 7s}};
  EXPECT_THAT(history, AnnouncesLosses()) << "it stood still";
  lost.released_well = true;
  EXPECT_THAT(loss_is_announced(history).what(), HasSubstr("what was released"));
}

TEST(CheckersTest, FindACallThatIsBackTooLate) {
  LockHistory history = turns();
  history.calls[1].due = 2500ms;
  EXPECT_THAT(history, Not(ReturnsInTime()));
  history.standstills = {{"two", 2400ms, 3s}};
  EXPECT_THAT(history, ReturnsInTime());
  history.standstills.clear();
  history.calls[1].returned.reset();
  EXPECT_THAT(deadlines(history).what(), HasSubstr("has not returned"));
}

TEST(CheckersTest, FindAWaiterThatAFreeLockKeepsWaiting) {
  LockHistory history = turns();
  history.tenures[1].granted = 10s;
  history.tenures[1].until = 11s;
  history.calls[1].returned = 10s;
  EXPECT_THAT(history, Not(ServesWaiters({.after_release = 5s})));
  EXPECT_THAT(history, ServesWaiters({.after_release = 8s}));
  EXPECT_THAT(history, ServesWaiters({.from = 6s, .after_release = 5s})) << "the faults lasted until then";
  history.tenures[0].end = Tenure::End::crashed;
  EXPECT_THAT(history, ServesWaiters({.after_release = 5s, .after_loss = 8s}));
}

TEST(CheckersTest, FindAReleaseThatIsNotAsTheModelSays) {
  LockHistory history = turns();
  LockCall release = acquire(history, 0, 2s);
  release.kind = LockCall::Kind::release;
  release.returned = 2s;
  release.believed_before = true;
  release.depth_before = 2;
  release.release = Release::freed;
  history.calls.push_back(release);
  EXPECT_THAT(reentry(history).what(), HasSubstr("of an inner hold freed the lock"));
  history.calls.back().release = Release::nested;
  EXPECT_THAT(history, CountsReentry());
  history.calls.back().depth_before = 1;
  EXPECT_THAT(reentry(history).what(), HasSubstr("of the outermost hold freed nothing"));
  history.calls.back().believed_before = false;
  EXPECT_THAT(reentry(history).what(), HasSubstr("though the lock was lost"));
}

TEST(CheckersTest, FindAnOldTokenThatWasTakenAndAHolderThatWasRefused) {
  LockHistory history = turns();
  history.writes = {{4s, two, "a", 1, 8, true, true}, {5s, one, "a", 0, 5, false, false}};
  EXPECT_THAT(history, HasGrowingTokens());
  EXPECT_THAT(history, AcceptsItsHolders());
  history.writes[1].believed = true;
  EXPECT_THAT(history, Not(AcceptsItsHolders()));
  history.writes[1].accepted = true;
  EXPECT_THAT(history, Not(HasGrowingTokens()));
}

TEST(CheckersTest, FindAProcessThatAsksAllTheTime) {
  LockHistory history = turns();
  for (int i = 0; i < 200; ++i) history.requests.push_back({Duration(i * 50ms), "one", "GET /locks/a"});
  EXPECT_THAT(history, Not(KeepsItsBudget()));
  EXPECT_THAT(request_budget(history).what(), HasSubstr("200 x GET /locks/a"));
  EXPECT_THAT(history, KeepsItsBudget({.per_second = 10}));
}

/// A committed command that succeeded.
fake::AuditRecord change(Duration at, const char* client, fake::Command::Kind kind, const char* value,
                         const char* previous, std::uint64_t index) {
  fake::AuditRecord record;
  record.at = record.accepted_at = fake::ManualClock::epoch + at;
  record.client = client;
  record.kind = kind;
  record.key = "/locks/a";
  record.value = value;
  record.previous_value = previous;
  record.compared = kind == fake::Command::Kind::create || *previous != 0;
  record.event = fake::Event{};
  record.event->index = index;
  record.event->node.expiration = record.at + 5s;
  return record;
}

TEST(CheckersTest, FindChangesOfLocksThatAreNotTheirOwners) {
  using Kind = fake::Command::Kind;
  const LockHistory history = turns();
  std::vector<fake::AuditRecord> audit{change(1s, "one", Kind::create, "x", "", 5),
                                       change(2s, "one", Kind::compare_and_swap, "x", "x", 6),
                                       change(3s, "one", Kind::compare_and_delete, "", "x", 7)};
  EXPECT_THAT(history, OwnsWhatItChanges(audit, "/locks"));
  audit[2].client = "two";
  EXPECT_THAT(ownership(history, audit, "/locks").what(), HasSubstr("a value of another's"));
  audit[2] = change(3s, "two", Kind::remove, "", "", 7);
  EXPECT_THAT(ownership(history, audit, "/locks").what(), HasSubstr("compares with nothing"));
  audit[2] = change(3s, "one", Kind::create, "x", "", 7);
  EXPECT_THAT(ownership(history, audit, "/locks").what(), HasSubstr("brings back a value"));
  EXPECT_TRUE(ownership(history, audit, "/locks", true).ok());
}

TEST(CheckersTest, TakeAPlaceInAQueueForItsMakersOwn) {
  using Kind = fake::Command::Kind;
  std::vector<fake::AuditRecord> audit{change(1s, "one", Kind::create_in_order, "x", "", 5),
                                       change(3s, "one", Kind::compare_and_delete, "", "x", 7)};
  audit[0].compared = false;
  audit[1].key = "/locks/a/5";
  EXPECT_THAT(turns(), OwnsWhatItChanges(audit, "/locks"));
  audit[1].client = "two";
  EXPECT_THAT(ownership(turns(), audit, "/locks").what(), HasSubstr("a value of another's"));
}

TEST(CheckersTest, FindAPlaceWhoseOwnerOutlivesItsLease) {
  LockHistory history;
  history.tenures = {tenure(one, 5, 1s, 9s)};
  history.end = 20s;
  std::vector<fake::AuditRecord> audit{write_of_lease(5, 1s, 6s), write_of_lease(7, 4s, 9s)};
  audit[1].key = "/locks/a/5";
  EXPECT_TRUE(leases(history, audit, "/locks"));
  audit[1].key = "/locks/ab/5";
  EXPECT_FALSE(leases(history, audit, "/locks"));
}

TEST(CheckersTest, FindWhoIsGrantedBeforeOthersInTheQueue) {
  LockHistory history = turns();
  EXPECT_THAT(history, IsGrantedInOrder());
  history.tenures[1].lock = "b";
  history.tenures[1].fencing_token = 4;
  EXPECT_THAT(history, IsGrantedInOrder()) << "of another queue";
  history.tenures[1].lock = "a";
  EXPECT_THAT(history, Not(IsGrantedInOrder()));
  EXPECT_THAT(granted_in_order(history).what(), HasSubstr("'a' was granted out of order"));
}

TEST(CheckersTest, FindABeliefThatOutlivesItsLease) {
  using Kind = fake::Command::Kind;
  LockHistory history = turns();
  const std::vector<fake::AuditRecord> audit{change(900ms, "one", Kind::create, "x", "", 5)};
  EXPECT_THAT(history, StaysWithinLeases(audit, "/locks"));
  history.tenures[0].until = 5901ms;
  EXPECT_THAT(history, Not(StaysWithinLeases(audit, "/locks")));
}

TEST(CheckersTest, FindWhatIsLeftInTheStore) {
  Simulation simulation;
  EXPECT_THAT(cleanliness(simulation, "/locks"), IsFine());
  ASSERT_TRUE(simulation.observer().client().set("/locks/b/c", "x"));
  EXPECT_THAT(cleanliness(simulation, "/locks").what(), HasSubstr("/locks/b/c = x"));
}

}  // namespace
}  // namespace deimos::testkit

// Messages that come twice, in part, garbled, or over a connection that breaks.
#include "scenario.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using fake::Command;

class BrokenAnswer : public ScenarioTest {
 protected:
  /// The first answer of each kind is broken so: to create, renewal and release of the holder, to look and watch of the
  /// heir.
  void expect_to_live_through(const fake::RuleAction& how) {
    disturb("holder", "PUT", of_create, 1, how);
    disturb("holder", "PUT", of_renewal, 2, how);  // The first confirms what the create did.
    disturb("holder", "DELETE", "", 1, how);
    disturb("heir", "GET", "", 1, how);
    disturb("heir", "WATCH", "", 1, how);
    std::uint64_t token = 0;
    spawn("holder", {1, 2, 3}, [&](Process& process) {
      auto hold = acquire(process).value();
      EXPECT_LT(elapsed(), 100ms) << "read back at once: it is known that no better answer will come";
      token = hold.fencing_token();
      process.sleep(1min);
      EXPECT_TRUE(hold.is_held());
      EXPECT_EQ(hold.release().value(), Release::in_background);
    });
    spawn("heir", {1, 2, 3}, [&](Process& process) {
      process.sleep(1s);
      const auto hold = acquire(process);
      ASSERT_TRUE(hold) << hold.error().describe();
      EXPECT_GT(hold->fencing_token(), token);
      EXPECT_THAT(elapsed(), IsBetween(1min, 1min + 500ms));
      process.sleep(1min);
      EXPECT_TRUE(hold->is_held());
    });
    simulation.run();
    for (const fake::RuleStatus& rule : simulation.cluster().rules()) EXPECT_EQ(rule.acted, 1u) << describe(rule.rule);
    EXPECT_EQ(count_applied("holder", Command::Kind::create), 1u);
    ASSERT_EQ(times_told("holder", LockEvent::Kind::renewal_failed), 1u);
    EXPECT_EQ(told("holder", LockEvent::Kind::renewal_failed)[0].error, condition::outcome_unknown);
    EXPECT_EQ(times_told("holder", LockEvent::Kind::lost), 0u);
    EXPECT_EQ(times_told("holder", LockEvent::Kind::cleaned), 1u);
    expect_nothing_left();
  }
};

TEST_F(BrokenAnswer, CutShortIsNoAnswer) { expect_to_live_through(fake::TruncateBody{20}); }
TEST_F(BrokenAnswer, GarbledIsNoAnswer) { expect_to_live_through(fake::CorruptBody{}); }
TEST_F(BrokenAnswer, OfAConnectionThatBreaksBeforeItIsNoAnswer) { expect_to_live_through(fake::ResetAfter{0}); }
TEST_F(BrokenAnswer, OfAConnectionThatBreaksWithinItIsNoAnswer) { expect_to_live_through(fake::ResetAfter{20}); }

using DuplicatedRequest = ScenarioTest;

TEST_F(DuplicatedRequest, ChangesNothing) {
  disturb("*", "PUT", "", 0, fake::Duplicate{.copies = 3});
  disturb("*", "DELETE", "", 0, fake::Duplicate{.copies = 3});
  for (const char* name : {"a", "b"}) {
    spawn(name, {1, 2, 3}, [&](Process& process) {
      for (int i = 0; i < 3; ++i) {
        auto hold = acquire(process).value();
        process.sleep(20s);
        EXPECT_EQ(hold.release().value(), Release::freed);
      }
    });
  }
  simulation.run();
  EXPECT_EQ(count_applied("a", Command::Kind::create), 3u);
  EXPECT_EQ(count_applied("a", Command::Kind::compare_and_delete), 3u);
  EXPECT_EQ(times_told("a", LockEvent::Kind::lost) + times_told("b", LockEvent::Kind::lost), 0u);
  expect_nothing_left();
}

TEST_F(DuplicatedRequest, ThatComesLateDoesNotTouchTheNextHolder) {
  disturb("holder", "PUT", of_renewal, 0, fake::Duplicate{.copies = 5, .least = 1s, .most = 30s});
  disturb("holder", "DELETE", "", 0, fake::Duplicate{.copies = 5, .least = 1s, .most = 30s});
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    auto hold = acquire(process).value();
    process.sleep(20s);
    EXPECT_EQ(hold.release().value(), Release::freed);
  });
  spawn("heir", {1, 2, 3}, [&](Process& process) {
    process.sleep(1s);
    const auto hold = acquire(process);
    ASSERT_TRUE(hold) << hold.error().describe();
    process.sleep(1min);
    EXPECT_TRUE(hold->is_held());
  });
  simulation.run();
  EXPECT_EQ(times_told("heir", LockEvent::Kind::lost), 0u);
  EXPECT_GE(count_changes([](const auto& change) { return change.error == errc::compare_failed; }), 5u)
      << "they came, and were not for this record";
  expect_nothing_left();
}

TEST_F(DuplicatedRequest, ToCreateThatComesAfterTheReleaseBlocksTheLockForOneLease) {
  disturb("holder", "PUT", of_create, 1, fake::Duplicate{.copies = 1, .least = 10s, .most = 10s});
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    auto hold = acquire(process).value();
    process.sleep(1s);
    EXPECT_EQ(hold.release().value(), Release::freed) << "nothing tells it of the copy";
  });
  spawn("heir", {1, 2, 3}, [&](Process& process) {
    process.sleep(11s);
    EXPECT_TRUE(acquire(process));
    EXPECT_THAT(elapsed(), IsBetween(10s + lease, 12s + lease));
  });
  simulation.run();
  expect_nothing_left();
}

}  // namespace
}  // namespace deimos::testkit

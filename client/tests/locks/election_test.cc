// Leader election: one leads, everybody can know who, and nothing is resigned while work goes on.
#include <string>
#include <vector>

#include "locks/lock_world.h"

namespace deimos::lock_test {
namespace {

using ::testing::ElementsAre;

class ElectionTest : public ::testing::Test {
 protected:
  struct Candidate {
    std::optional<Result<Leadership>> leadership = {};
    std::stop_source cancel = {};
    std::unique_ptr<Task> task = {};

    ~Candidate() { cancel.request_stop(); }
    [[nodiscard]] bool leads() const { return leadership && *leadership && (*leadership)->is_leader(); }
    void resign() { ASSERT_THAT((*leadership)->resign(), Succeeds()); }
  };
  Candidate& campaign(Member& member, const std::string& message = {}, AcquireOptions options = {}) {
    Candidate& candidate = *candidates_.emplace_back(std::make_unique<Candidate>());
    candidate.task = world.spawn("candidate", [&member, &candidate, message, options] {
      candidate.leadership = member.locks->election("boss").campaign(message, options, candidate.cancel.get_token());
    });
    world.sleep(50ms);
    return candidate;
  }
  /// What an observer was told: the messages, and `-` for nobody.
  struct Observed {
    std::vector<std::string> told = {};
    std::optional<Result<void>> end = {};
    std::stop_source cancel = {};
    std::unique_ptr<Task> task = {};
    ~Observed() { cancel.request_stop(); }
  };
  Observed& observe(Member& member) {
    Observed& observed = *observed_.emplace_back(std::make_unique<Observed>());
    observed.task = world.spawn("observer", [&member, &observed] {
      observed.end = member.locks->election("boss").observe(
          [&](const std::optional<Leader>& leader) { observed.told.push_back(leader ? leader->message : "-"); },
          observed.cancel.get_token());
    });
    world.sleep(50ms);
    return observed;
  }
  void settle() { world.sleep(300ms); }
  [[nodiscard]] std::optional<Leader> leader() { return watcher.locks->election("boss").leader().value(); }

  World world;
  Member& first = world.add();
  Member& second = world.add();
  Member& watcher = world.add();

 private:
  std::vector<std::unique_ptr<Candidate>> candidates_;
  std::vector<std::unique_ptr<Observed>> observed_;
};

TEST_F(ElectionTest, OneLeadsAndTheNextFollows) {
  EXPECT_EQ(leader(), std::nullopt);
  Candidate& one = campaign(first, "host-1");
  Candidate& two = campaign(second, "host-2");
  EXPECT_TRUE(one.leads());
  EXPECT_FALSE(two.leads());
  EXPECT_EQ(leader()->message, "host-1");
  EXPECT_EQ(leader()->fencing_token, (*one.leadership)->fencing_token());
  const std::uint64_t token = (*one.leadership)->fencing_token();
  one.resign();
  settle();
  EXPECT_TRUE(two.leads());
  EXPECT_GT((*two.leadership)->fencing_token(), token);
  EXPECT_EQ(leader()->message, "host-2");
}

TEST_F(ElectionTest, TheLeaderSaysWhoOwnsIt) {
  Member& named = world.add({.ttl = 10s, .owner = "reports-7"});
  campaign(named, "x");
  EXPECT_EQ(leader()->owner, "reports-7");
}

TEST_F(ElectionTest, WhatALeaderSaysCanChangeAndStaysItsOwn) {
  Candidate& one = campaign(first, "starting");
  for (const std::string message : {"ready", "", "with; semicolons: 7\nand lines"}) {
    ASSERT_THAT((*one.leadership)->proclaim(message), Succeeds());
    EXPECT_EQ(leader()->message, message);
    EXPECT_EQ(leader()->fencing_token, (*one.leadership)->fencing_token());
  }
  world.sleep(1min);
  EXPECT_TRUE(one.leads()) << "it is renewed with what it says now";
  one.resign();
  EXPECT_EQ(leader(), std::nullopt);
}

TEST_F(ElectionTest, AProclamationWithoutAnAnswerFollowsLater) {
  Candidate& one = campaign(first, "starting");
  first.faults->next(Step::take_over, lose_request());
  EXPECT_THAT((*one.leadership)->proclaim("ready"), FailsWith(errc::outcome_unknown));
  EXPECT_TRUE(one.leads());
  world.sleep(2s);
  EXPECT_EQ(leader()->message, "ready");
  first.faults->next(Step::take_over, lose_answer());
  EXPECT_THAT((*one.leadership)->proclaim("busy"), FailsWith(errc::outcome_unknown));
  world.sleep(20s);
  EXPECT_EQ(leader()->message, "busy");
  EXPECT_TRUE(one.leads()) << "what it wrote itself is no loss";
  EXPECT_EQ(first.seen(LockEvent::Kind::lost), 0);
}

TEST_F(ElectionTest, WhoDoesNotLeadAnyMoreCannotProclaim) {
  Candidate& one = campaign(first, "x");
  ASSERT_TRUE(second.locks->force_unlock("boss").value());
  EXPECT_THAT((*one.leadership)->proclaim("y"), FailsWith(errc::lock_not_held));
  settle();
  EXPECT_TRUE((*one.leadership)->lost().stop_requested());
  EXPECT_EQ(leader(), std::nullopt);
}

TEST_F(ElectionTest, WhatCannotBeSaidIsRefused) {
  const Election election = first.locks->election("boss");
  EXPECT_THAT(election.campaign("\xff"), FailsWith(errc::invalid_argument));
  EXPECT_THAT(election.campaign(std::string(2049, 'x')), FailsWith(errc::invalid_argument));
  EXPECT_EQ(first.faults->total(), 0);
  EXPECT_THAT(election.campaign(std::string(2048, 'x')), Succeeds());
}

TEST_F(ElectionTest, ObserversHearOfEveryLeaderWithoutCampaigning) {
  Observed& observed = observe(watcher);
  Candidate& one = campaign(first, "a");
  settle();
  Candidate& two = campaign(second, "b");
  settle();
  ASSERT_THAT((*one.leadership)->proclaim("A"), Succeeds());
  settle();
  one.resign();
  settle();
  two.resign();
  settle();
  EXPECT_THAT(observed.told, ElementsAre("-", "a", "A", "b", "-"));
  EXPECT_EQ(watcher.faults->count(Step::enqueue), 0);
  observed.cancel.request_stop();
  settle();
  EXPECT_THAT(*observed.end, FailsWith(errc::cancelled));
  EXPECT_EQ(world.node.statistics().watchers, 0U);
}

TEST_F(ElectionTest, AnObserverIsNotTroubledByRenewals) {  // RQ
  campaign(first, "a");
  campaign(second, "b");
  Observed& observed = observe(watcher);
  const int before = watcher.faults->count(Step::places);
  world.sleep(5min);
  EXPECT_LE(watcher.faults->count(Step::places) - before, 11) << "a look in 30 s";
  EXPECT_THAT(observed.told, ElementsAre("a"));
}

TEST_F(ElectionTest, AnObserverOutlivesAStoreThatCannotBeReached) {
  campaign(first, "a");
  Observed& observed = observe(watcher);
  watcher.faults->black_hole();
  world.sleep(1min);
  ASSERT_TRUE(second.locks->force_unlock("boss").value());
  watcher.faults->heal();
  world.sleep(10s);
  EXPECT_THAT(observed.told, ElementsAre("a", "-"));
}

TEST_F(ElectionTest, AClosedManagerEndsItsObservers) {
  Observed& observed = observe(watcher);
  watcher.locks->close();
  settle();
  EXPECT_THAT(*observed.end, FailsWith(errc::closed));
}

TEST_F(ElectionTest, ALeaseThatIsOverLeadsNobody) {
  World slow({.sweep_interval = 1h});
  Member& gone = slow.add({.ttl = 2s});
  Member& other = slow.add();
  const auto lost = gone.locks->election("boss").campaign("x");
  gone.faults->black_hole();
  EXPECT_NE(other.locks->election("boss").leader().value(), std::nullopt);
  slow.sleep(4s);
  EXPECT_EQ(other.locks->election("boss").leader().value(), std::nullopt);
}

TEST_F(ElectionTest, NothingIsResignedBeforeTheWorkHasStopped) {  // H1
  std::stop_source stop;
  bool stopped_working = false;
  std::optional<Result<void>> end;
  const auto task = world.spawn("leader", [&] {
    end = first.locks->election("boss").run_while_leader(
        [&](const std::stop_token& told) {
          while (!told.stop_requested()) world.sleep(100ms);
          world.sleep(5s);  // It drains.
          EXPECT_EQ(leader()->message, "me");
          stopped_working = true;
        },
        stop.get_token(), "me");
  });
  Candidate& next = campaign(second);
  settle();
  stop.request_stop();
  world.sleep(4s);
  EXPECT_FALSE(next.leads());
  world.sleep(2s);
  EXPECT_TRUE(stopped_working);
  EXPECT_TRUE(next.leads());
  EXPECT_THAT(*end, FailsWith(errc::cancelled));
}

TEST_F(ElectionTest, AfterALossItCampaignsAgain) {  // H4
  int terms = 0;
  std::optional<Result<void>> end;
  std::stop_source stop;
  const auto task = world.spawn("leader", [&] {
    end = first.locks->election("boss").run_while_leader(
        [&](const std::stop_token& told) {
          if (++terms == 3) return;  // Done.
          while (!told.stop_requested()) world.sleep(100ms);
        },
        stop.get_token());
  });
  for (int i = 0; i < 2; ++i) {
    settle();
    ASSERT_EQ(terms, i + 1);
    ASSERT_TRUE(second.locks->force_unlock("boss").value());
    world.sleep(5s);
  }
  EXPECT_EQ(terms, 3);
  EXPECT_THAT(*end, Succeeds());
  EXPECT_EQ(leader(), std::nullopt);
}

TEST_F(ElectionTest, AnExceptionOfTheWorkResigns) {
  const Election election = first.locks->election("boss");
  EXPECT_THROW((void)election.run_while_leader([](const std::stop_token&) { throw std::runtime_error("x"); }, {}),
               std::runtime_error);
  EXPECT_EQ(leader(), std::nullopt);
}

TEST_F(ElectionTest, CandidatesOfOtherLeaseLengthsAgree) {  // H5
  Member& quick = world.add({.ttl = 3s});
  Member& slow = world.add({.ttl = 60s});
  Candidate& one = campaign(slow, "slow");
  Candidate& two = campaign(quick, "quick");
  world.sleep(2min);
  EXPECT_TRUE(one.leads());
  EXPECT_FALSE(two.leads());
  slow.faults->black_hole();
  world.sleep(50s);
  EXPECT_FALSE(two.leads()) << "a long lease is a long lease for everybody";
  world.sleep(15s);
  EXPECT_TRUE(two.leads());
  EXPECT_FALSE(one.leads());
}

TEST_F(ElectionTest, ALockIsNoElection) {
  const Hold hold = first.locks->shared_mutex("s").acquire().value();
  EXPECT_THAT(second.locks->election("s").leader(), FailsWith(errc::lock_kind_differs));
  EXPECT_THAT(second.locks->election("s").campaign(), FailsWith(errc::lock_kind_differs));
  std::stop_source stop;
  EXPECT_THAT(second.locks->election("s").observe([](const auto&) {}, stop.get_token()),
              FailsWith(errc::lock_kind_differs));
}

}  // namespace
}  // namespace deimos::lock_test

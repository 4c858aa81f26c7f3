// Watches that end without a word: a node forgets them, is restarted, or no longer has the history they ask for. Seen
// by whoever watches a key, and by whoever waits for a lock.
#include "scenario.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::SizeIs;

/// The codes of the errors that calls of a client ended with.
class Errors final : public Observer {
 public:
  void on_failure(const Error& error) override { codes.push_back(error.code); }
  std::vector<std::error_code> codes;
};

class WatchedKey : public ScenarioTest {
 protected:
  /// Watches /key at node 2 from 500 ms on; its polls last 20 s.
  void spawn_watcher(Duration until) {
    spawn("watcher", {2}, [&, until](Process& process) {
      process.sleep(500ms);
      std::stop_source stop;
      const auto end = process.runtime().spawn("end of the watch", [&, until](const std::stop_token&) {
        process.runtime().sleep_for(until - 500ms);
        stop.request_stop();
      });
      Watch watch = process.client().watch(
          "/key", {.poll_timeout = 20s, .on_gap = [&](const Gap& gap) { gaps_.push_back(gap); }}, stop.get_token());
      for (const Event& event : watch) {
        seen_.push_back(event.node.value.value_or("nothing"));
        seen_at_.push_back(elapsed());
      }
      EXPECT_EQ(watch.error()->code, errc::cancelled);
    });
  }
  /// Sets /key to 1, 2, … at those instants.
  void spawn_writer(const std::vector<Duration>& instants) {
    spawn("writer", {1}, [&, instants](Process& process) {
      for (std::size_t i = 0; i < instants.size(); ++i) {
        process.sleep(instants[i] - elapsed());
        process.client().set("/key", std::to_string(i + 1)).value();
      }
    });
  }

  std::vector<std::string> seen_;
  std::vector<Duration> seen_at_;
  std::vector<Gap> gaps_;
};

TEST_F(WatchedKey, WhoseWatcherIsForgottenIsHeardOfWithTheNextPoll) {
  simulation.at(10s, [&] { simulation.cluster().forget_watchers(2); });
  spawn_watcher(1min);
  spawn_writer({1s, 12s, 13s, 30s});
  simulation.run();
  EXPECT_THAT(seen_, ElementsAre("1", "2", "3", "4")) << "each once, in order";
  ASSERT_THAT(seen_at_, SizeIs(4));
  EXPECT_THAT(seen_at_[1], IsBetween(16s, 17s))
      << "at the end of the poll that was forgotten, the sixth after an event";
  EXPECT_THAT(seen_at_[2], IsBetween(seen_at_[1], seen_at_[1] + instantly)) << "from the history";
  EXPECT_THAT(seen_at_[3], IsBetween(30s, 30s + instantly));
  EXPECT_THAT(gaps_, SizeIs(0));
}

TEST_F(WatchedKey, OnANodeThatIsRestartedFromItsLogIsHeardOfWithoutAGap) {
  simulation.at(2s, [&] { simulation.cluster().crash(2); });
  simulation.at(6s, [&] { simulation.cluster().restart(2); });
  spawn_watcher(1min);
  spawn_writer({1s, 3s, 4s, 30s});
  simulation.run();
  EXPECT_THAT(seen_, ElementsAre("1", "2", "3", "4")) << "each once, in order";
  ASSERT_THAT(seen_at_, SizeIs(4));
  EXPECT_THAT(seen_at_[1], IsBetween(6s, 8s)) << "it was asked again and again until it was back";
  EXPECT_THAT(gaps_, SizeIs(0));
}

TEST_F(WatchedKey, OnANodeThatIsRestartedFromASnapshotIsReadAnewAndTheGapReported) {
  simulation.at(2s, [&] { simulation.cluster().crash(2); });
  simulation.at(6s, [&] { simulation.cluster().restart_from_snapshot(2); });
  simulation.at(6s, [&] { simulation.cluster().wipe_history(2); });  // Of what it caught up with, too.
  spawn_watcher(1min);
  spawn_writer({1s, 3s, 4s, 30s});
  simulation.run();
  EXPECT_THAT(seen_, ElementsAre("1", "4"));
  ASSERT_THAT(gaps_, SizeIs(1)) << "2 and 3 happened in it";
  ASSERT_TRUE(gaps_[0].state);
  EXPECT_EQ(gaps_[0].state->value, "3") << "what they came to";
  EXPECT_GE(gaps_[0].state->modified_index, gaps_[0].first_missed);
  EXPECT_LE(gaps_[0].state->modified_index, gaps_[0].read_at);
}

TEST_F(WatchedKey, OfWhichNothingWasMissedIsReadAnewWithoutAWord) {
  simulation.at(2s, [&] { simulation.cluster().crash(2); });
  simulation.at(6s, [&] { simulation.cluster().restart_from_snapshot(2); });
  spawn("others", {1}, [&](Process& process) {
    process.sleep(3s);
    process.client().set("/other", "value").value();
    process.sleep(4s);
    process.client().set("/other", "value").value();
  });
  simulation.at(6s, [&] { simulation.cluster().wipe_history(2); });
  spawn_watcher(1min);
  spawn_writer({1s, 30s});
  simulation.run();
  EXPECT_THAT(seen_, ElementsAre("1", "2"));
  EXPECT_THAT(gaps_, SizeIs(0));
}

TEST_F(WatchedKey, InAStoreThatBeginsAnewIsHeardOfAfterAGap) {
  simulation.at(5s, [&] { simulation.cluster().reset(); });
  spawn("others", {1}, [&](Process& process) {
    for (int i = 0; i < 10; ++i) process.client().set("/other", "value").value();
  });
  spawn_watcher(2min);
  spawn_writer({1s, 2s, 3s, 60s});
  simulation.run();
  EXPECT_THAT(seen_, ElementsAre("1", "2", "3", "4"));
  ASSERT_THAT(gaps_, SizeIs(1));
  EXPECT_LT(gaps_[0].read_at, gaps_[0].first_missed);
  EXPECT_EQ(gaps_[0].state, std::nullopt);
}

TEST_F(WatchedKey, WhoseDirectoryGoesWhileNobodyPollsIsReportedAsGone) {
  simulation.at(1500ms, [&] { simulation.network().cut("watcher", 2); });
  simulation.at(4s, [&] { simulation.network().heal(); });
  spawn("remover", {1}, [&](Process& process) {
    process.client().set("/key/file", "value").value();
    process.sleep(2s);
    process.client().remove("/key", {.recursive = true}).value();
  });
  spawn("watcher", {2}, [&](Process& process) {
    process.sleep(500ms);
    std::stop_source stop;
    const auto end = process.runtime().spawn("end", [&](const std::stop_token&) {
      process.runtime().sleep_for(1min);
      stop.request_stop();
    });
    for (const Event& event : process.client().watch(
             "/key/file", {.on_gap = [&](const Gap& gap) { gaps_.push_back(gap); }}, stop.get_token())) {
      seen_.push_back(event.node.key);
    }
  });
  simulation.run();
  EXPECT_THAT(seen_, SizeIs(0)) << "the history does not tell what became of directories above";
  ASSERT_THAT(gaps_, SizeIs(1));
  EXPECT_EQ(gaps_[0].state, std::nullopt);
}

/// Nodes whose hub forgets all watchers of a key when one of them goes, as that of a real Deimos does.
class ForgetfulHub : public ScenarioTest {
 protected:
  ForgetfulHub() : ScenarioTest({.forgetful_hub = true}) {}
};

TEST_F(ForgetfulHub, DelaysNoEventByMoreThanAShortPoll) {
  constexpr int writes = 120;
  std::vector<int> seen(3);
  Duration longest{};
  std::vector<Duration> written(writes);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    spawn("watcher" + std::to_string(i), {2}, [&, i](Process& process) {
      Watch watch = process.client().watch("/key", {.on_gap = [](const Gap&) { FAIL(); }});
      while (seen[i] < writes) {
        const int value = std::stoi(*watch.next()->node.value);
        ASSERT_EQ(value, seen[i]++) << "each once, in order";
        longest = std::max(longest, elapsed() - written[static_cast<std::size_t>(value)]);
      }
    });
  }
  spawn("writer", {1}, [&](Process& process) {
    for (int n = 0; n < writes; ++n) {
      process.sleep(500ms);
      written[static_cast<std::size_t>(n)] = elapsed();
      process.client().set("/key", std::to_string(n)).value();
    }
  });
  simulation.run();
  EXPECT_THAT(seen, ElementsAre(writes, writes, writes));
  EXPECT_LE(longest, 500ms + 2 * instantly);
}

class LockWait : public ScenarioTest {
 protected:
  /// Holds the lock through node 1 until `until`.
  void spawn_holder(Duration until) {
    spawn("holder", {1}, [&, until](Process& process) {
      auto hold = acquire(process).value();
      token_ = hold.fencing_token();
      process.sleep(until - elapsed());
      EXPECT_EQ(hold.release().value(), Release::freed);
    });
  }
  /// Waits for it at node 2, from 1 s on.
  void spawn_heir() {
    spawn("heir", {2},
          [&](Process& process) {
            process.sleep(1s);
            const auto hold = acquire(process);
            ASSERT_TRUE(hold) << hold.error().describe();
            granted_at_ = elapsed();
            EXPECT_GT(hold->fencing_token(), token_);
          },
          {.client = {.observer = errors_}});
  }

  std::uint64_t token_ = 0;
  Duration granted_at_ = {};
  std::shared_ptr<Errors> errors_ = std::make_shared<Errors>();
};

TEST_F(LockWait, WhoseWatcherIsForgottenLooksForItself) {
  simulation.at(2s, [&] { simulation.cluster().forget_watchers(); });
  spawn_holder(3s);
  spawn_heir();
  simulation.run();
  EXPECT_THAT(granted_at_, IsBetween(6s, 6s + 2 * instantly)) << "poll_interval after it began to listen";
  expect_nothing_left();
}

TEST_F(LockWait, WhoseWatchersAreForgottenAgainAndAgainIsServedAllTheSame) {
  for (int i = 1; i <= 60; ++i) {
    simulation.at(std::chrono::seconds(i), [&] { simulation.cluster().forget_watchers(); });
  }
  spawn_holder(42s);
  spawn_heir();
  simulation.run();
  EXPECT_THAT(granted_at_, IsBetween(42s, 47s + 2 * instantly));
  expect_nothing_left();
}

TEST_F(LockWait, OnANodeThatIsRestartedFromItsLogGoesOn) {
  simulation.at(2s, [&] { simulation.cluster().crash(2); });
  simulation.at(4s, [&] { simulation.cluster().restart(2); });
  spawn_holder(20s);
  spawn_heir();
  simulation.run();
  EXPECT_THAT(granted_at_, IsBetween(20s, 20s + 2 * instantly)) << "it listens again";
  EXPECT_THAT(errors_->codes, Contains(errc::unavailable));
  expect_nothing_left();
}

TEST_F(LockWait, OnANodeThatIsDownDuringTheReleaseHearsOfItFromTheHistory) {
  simulation.at(2s, [&] { simulation.cluster().crash(2); });
  simulation.at(4s, [&] { simulation.cluster().restart(2); });
  spawn_holder(3s);
  spawn_heir();
  simulation.run();
  EXPECT_THAT(granted_at_, IsBetween(4s, 6s));
  EXPECT_THAT(errors_->codes, Not(Contains(errc::history_cleared)));
  expect_nothing_left();
}

TEST_F(LockWait, WhoseHistoryIsClearedLooksAndIsGrantedWhatWasReleasedMeanwhile) {
  simulation.at(2s, [&] { simulation.cluster().crash(2); });
  simulation.at(4s, [&] {
    simulation.cluster().restart_from_snapshot(2);
    simulation.cluster().wipe_history(2);
  });
  spawn_holder(3s);
  spawn_heir();
  simulation.run();
  EXPECT_THAT(granted_at_, IsBetween(4s, 6s)) << "not at the end of a lease, nor of a poll";
  EXPECT_THAT(errors_->codes, Contains(errc::history_cleared)) << "401, and once is enough";
  EXPECT_EQ(std::count(errors_->codes.begin(), errors_->codes.end(), errc::history_cleared), 1);
  expect_nothing_left();
}

TEST_F(LockWait, WhoseHistoryIsClearedWhileTheLockIsHeldListensFromWhereItRead) {
  simulation.at(2s, [&] { simulation.cluster().crash(2); });
  simulation.at(4s, [&] {
    simulation.cluster().restart_from_snapshot(2);
    simulation.cluster().wipe_history(2);
  });
  spawn("others", {1}, [&](Process& process) {
    process.sleep(3s);
    process.client().set("/other", "value").value();
  });
  spawn_holder(9s);
  spawn_heir();
  simulation.run();
  EXPECT_THAT(granted_at_, IsBetween(9s, 9s + 2 * instantly)) << "by the event of the release";
  EXPECT_EQ(std::count(errors_->codes.begin(), errors_->codes.end(), errc::history_cleared), 1);
  expect_nothing_left();
}

TEST_F(LockWait, OnANodeThatLagsIsDelayedAndIsGrantedNothingThatIsTaken) {
  simulation.cluster().lag(2, 2s);
  spawn_holder(5s);
  Duration released = {};
  spawn("quicker", {1}, [&](Process& process) {
    process.sleep(2s);
    const auto hold = acquire(process);
    ASSERT_TRUE(hold) << hold.error().describe();
    EXPECT_THAT(elapsed(), IsBetween(5s, 5s + instantly));
    token_ = hold->fencing_token();
    process.sleep(5s);
    released = elapsed();
  });
  spawn_heir();
  simulation.run();
  EXPECT_THAT(granted_at_, IsBetween(released, released + 10s)) << "each of its writes is answered 2 s later";
  expect_nothing_left();
}

}  // namespace
}  // namespace deimos::testkit

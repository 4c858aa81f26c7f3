// A watch under everything that may happen between two polls, step by step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ranges>
#include <set>

#include <deimos/client.h>

#include "wire/scripted_transport.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Reason = Failure::Reason;

static_assert(std::ranges::input_range<Watch>);

Exchange changed(std::uint64_t index, const std::string& value = "v") {
  return answer(200,
                R"({"action":"set","node":{"key":"/a","value":")" + value + R"(","modifiedIndex":)" +
                    std::to_string(index) + R"(,"createdIndex":)" + std::to_string(index) + "}}\n",
                {});
}

Exchange read_at(std::uint64_t index, std::uint64_t modified) {
  return answer(200,
                R"({"action":"get","node":{"key":"/a","value":"v","modifiedIndex":)" + std::to_string(modified) +
                    R"(,"createdIndex":1}})",
                {{"X-Deimos-Index", std::to_string(index)}});
}

Exchange missing(std::uint64_t index) {
  return answer(404, R"({"errorCode":100,"message":"Key not found","cause":"/a","index":)" + std::to_string(index) +
                         "}\nInternal Server Error\n");
}

Exchange cleared(std::uint64_t index) {
  return answer(400, R"({"errorCode":401,"message":"m","cause":"c","index":)" + std::to_string(index) +
                         "}\nInternal Server Error\n");
}

class Watching : public ::testing::Test {
 protected:
  /// The targets that were asked for, without `/keys/a`.
  [[nodiscard]] std::vector<std::string> targets() const {
    std::vector<std::string> all;
    for (const Asked& asked : transport.asked) {
      EXPECT_TRUE(asked.request.target.starts_with("/keys/a"));
      all.push_back(asked.request.target.substr(7));
    }
    return all;
  }
  [[nodiscard]] static std::string poll(int index) { return "?wait=true&waitIndex=" + std::to_string(index); }

  /// A poll that hears nothing.
  ScriptedTransport::Step silence() {
    return [this](const Asked& asked) {
      runtime.advance(asked.deadline - asked.at);
      return failure(Reason::timed_out, Delivery::unknown);
    };
  }
  /// The next polls hear nothing; each reading between them says `reading`.
  void stay_silent(int polls, const Exchange& reading) {
    transport.otherwise([this, polls, reading](const Asked& asked) mutable {
      if (asked.request.target.find("wait=true") == std::string::npos) return reading;
      return polls-- > 0 ? silence()(asked) : changed(2000);
    });
  }
  /// How long each poll would have lasted.
  [[nodiscard]] std::vector<Duration> lengths() const {
    std::vector<Duration> all;
    for (const Asked& asked : transport.asked) {
      if (asked.request.target.find("wait=true") != std::string::npos) all.push_back(asked.deadline - asked.at);
    }
    return all;
  }

  ManualRuntime runtime;
  ScriptedTransport transport{runtime};
  Client client{
      {.endpoints = {"http://one:1", "http://two:2"}, .runtime = borrow(runtime), .transport = borrow(transport)}};
};

TEST_F(Watching, BeginsAfterTheIndexAtWhichItWasAskedFor) {
  transport.then(read_at(10, 4));
  transport.then(changed(11));
  Watch watch = client.watch("/a");
  EXPECT_EQ(watch.next_index(), 11U);
  EXPECT_EQ(watch.next()->node.modified_index, 11U);
  EXPECT_EQ(watch.next_index(), 12U);
  EXPECT_THAT(targets(), ElementsAre("", poll(11)));
}

TEST_F(Watching, BeginsAfterTheIndexOfAnAbsentKeyToo) {
  transport.then(missing(10));
  transport.then(changed(11));
  EXPECT_TRUE(client.watch("/a").next());
  EXPECT_THAT(targets(), ElementsAre("", poll(11)));
}

TEST_F(Watching, BeginsAtTheIndexItIsGiven) {
  transport.then(changed(5));
  transport.then(changed(9));
  Watch watch = client.watch("/a", {.recursive = true, .from_index = 5});
  EXPECT_TRUE(watch.next());
  EXPECT_TRUE(watch.next());
  EXPECT_THAT(targets(), ElementsAre(poll(5) + "&recursive=true", poll(6) + "&recursive=true"));
}

TEST_F(Watching, AsksAgainFromTheSameIndexWhateverEndsAPoll) {
  transport.then(silence());
  transport.then(read_at(6, 4));
  transport.then([&](const Asked&) {
    runtime.advance(5s);
    return answer(200, "", {});
  });
  transport.then(read_at(6, 4));
  transport.then(failure(Reason::broken, Delivery::unknown));
  transport.then(refused());
  transport.then(answer(500, "Internal Server Error\nInternal Server Error\n"));
  transport.then(answer(200, "{\"action\":\"se"));
  transport.then(changed(8));
  Watch watch = client.watch("/a", {.from_index = 7});
  EXPECT_EQ(watch.next()->node.modified_index, 8U);
  EXPECT_THAT(targets(), ElementsAre(poll(7), "", poll(7), "", poll(7), poll(7), poll(7), poll(7), poll(7)));
}

TEST_F(Watching, EveryPollIsBounded) {
  transport.otherwise([](const Asked&) { return changed(100); });
  EXPECT_TRUE(client.watch("/a", {.from_index = 7}).next());
  EXPECT_TRUE(client.watch("/a", {.from_index = 7, .poll_timeout = 2s}).next());
  EXPECT_EQ(transport.asked[0].deadline - transport.asked[0].at, 30s);
  EXPECT_EQ(transport.asked[1].deadline - transport.asked[1].at, 2s);
}

TEST_F(Watching, DoesNotRunHotWhenPollsEndAtOnce) {
  const auto asked_in_a_minute = [&](const ScriptedTransport::Step& step) {
    const TimePoint start = runtime.now();
    transport.asked.clear();
    transport.otherwise([&, step](const Asked& asked) { return asked.at - start > 60s ? changed(9) : step(asked); });
    EXPECT_TRUE(client.watch("/a", {.from_index = 7}).next());
    return transport.asked.size();
  };
  EXPECT_LT(asked_in_a_minute([](const Asked&) { return answer(200, "", {}); }), 100U);
  EXPECT_LT(asked_in_a_minute([](const Asked&) { return refused(); }), 300U);
  EXPECT_LT(asked_in_a_minute([](const Asked&) { return failure(Reason::broken, Delivery::unknown); }), 100U);
  EXPECT_LT(asked_in_a_minute([](const Asked&) { return answer(502, "<html>"); }), 100U);
}

TEST_F(Watching, NeverHandsOutAnEventFromBeforeItsIndex) {
  transport.then(changed(6));
  transport.then(changed(7));
  EXPECT_EQ(client.watch("/a", {.from_index = 7}).next()->node.modified_index, 7U);
}

TEST_F(Watching, ReadsTheStateAndReportsAGapWhenTheHistoryIsGone) {
  transport.then(cleared(2000));
  transport.then(read_at(2001, 1500));
  transport.then(changed(2005));
  std::vector<Gap> gaps;
  WatchOptions options{.from_index = 7, .on_gap = [&](const Gap& gap) { gaps.push_back(gap); }};
  EXPECT_EQ(client.watch("/a", options).next()->node.modified_index, 2005U);
  EXPECT_THAT(targets(), ElementsAre(poll(7), "", poll(2002)));
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].first_missed, 7U);
  EXPECT_EQ(gaps[0].read_at, 2001U);
  ASSERT_TRUE(gaps[0].state);
  EXPECT_EQ(gaps[0].state->modified_index, 1500U);
}

TEST_F(Watching, AnAbsentKeyAfterTheHistoryIsGoneIsAGapWithoutState) {
  transport.then(cleared(2000));
  transport.then(missing(2001));
  transport.then(changed(2005));
  int gaps = 0;
  WatchOptions options{.from_index = 7};
  options.on_gap = [&](const Gap& gap) {
    ++gaps;
    EXPECT_FALSE(gap.state);
  };
  EXPECT_TRUE(client.watch("/a", options).next());
  EXPECT_EQ(gaps, 1);
}

TEST_F(Watching, AFileThatWasNotWrittenMeanwhileHasNoGap) {
  transport.then(cleared(2000));
  transport.then(read_at(2001, 6));
  transport.then(changed(2005));
  WatchOptions options{.from_index = 7, .on_gap = [](const Gap&) { FAIL(); }};
  EXPECT_TRUE(client.watch("/a", options).next());
  EXPECT_THAT(targets(), ElementsAre(poll(7), "", poll(2002)));
}

TEST_F(Watching, GoesOnTryingToReadTheStateWithoutLosingTheGap) {
  transport.then(cleared(2000));
  for (int i = 0; i < 3; ++i) transport.then(failure(Reason::too_large, Delivery::unknown));
  transport.then(cleared(2000));
  transport.then(missing(2001));
  transport.then(changed(2005));
  std::vector<std::uint64_t> missed;
  WatchOptions options{.from_index = 7, .on_gap = [&](const Gap& gap) { missed.push_back(gap.first_missed); }};
  transport.otherwise([](const Asked& asked) {
    return asked.request.target.find("wait") == std::string::npos ? missing(2001) : cleared(2000);
  });
  EXPECT_TRUE(client.watch("/a", options).next());
  EXPECT_THAT(missed, ElementsAre(7));
}

TEST_F(Watching, DoesNotTakeALaggingNodesStateForThePresent) {
  transport.then(cleared(2000));
  transport.then(read_at(5, 4));
  transport.then(cleared(2000));
  transport.then(read_at(2001, 1500));
  transport.then(changed(2005));
  EXPECT_TRUE(client.watch("/a", {.from_index = 7}).next());
  EXPECT_THAT(targets(), ElementsAre(poll(7), "", poll(7), "", poll(2002)));
}

TEST_F(Watching, PollsShortlyAfterAnEventAndLongerWithEachThatHearsNothing) {
  transport.then(changed(7));
  stay_silent(9, read_at(7, 7));
  Watch watch = client.watch("/a", {.from_index = 7});
  EXPECT_TRUE(watch.next());
  EXPECT_TRUE(watch.next());
  EXPECT_THAT(lengths(), ElementsAre(30s, 250ms, 500ms, 1s, 2s, 4s, 8s, 16s, 30s, 30s, 30s));
  transport.then(changed(2001));
  EXPECT_TRUE(watch.next());
  EXPECT_EQ(lengths().back(), 250ms);
}

TEST_F(Watching, NoPollIsLongerThanItWasToldToBe) {
  transport.then(changed(7));
  stay_silent(3, read_at(7, 7));
  Watch watch = client.watch("/a", {.from_index = 7, .poll_timeout = 300ms});
  EXPECT_TRUE(watch.next());
  EXPECT_TRUE(watch.next());
  EXPECT_THAT(lengths(), ElementsAre(300ms, 250ms, 300ms, 300ms, 300ms));
}

TEST_F(Watching, ReadsNowAndThenWhileNothingIsHeard) {
  transport.then(changed(7));
  stay_silent(8, read_at(7, 7));
  Watch watch = client.watch("/a", {.from_index = 7, .on_gap = [](const Gap&) { FAIL(); }});
  EXPECT_TRUE(watch.next());
  EXPECT_TRUE(watch.next());
  EXPECT_EQ(std::ranges::count(targets(), ""), 5) << "after those of 2, 4, 8, 16 and 30 s";
}

TEST_F(Watching, SeesThatItsKeyIsGoneAlthoughNoEventSaidSo) {
  transport.then(changed(7));
  stay_silent(6, missing(9));
  std::vector<Gap> gaps;
  Watch watch = client.watch("/a", {.from_index = 7, .on_gap = [&](const Gap& gap) { gaps.push_back(gap); }});
  EXPECT_TRUE(watch.next());
  EXPECT_TRUE(watch.next());
  ASSERT_EQ(gaps.size(), 1U) << "seen twice, told once";
  EXPECT_EQ(gaps[0].first_missed, 8U);
  EXPECT_EQ(gaps[0].read_at, 9U);
  EXPECT_FALSE(gaps[0].state);
  EXPECT_EQ(std::ranges::count(targets(), poll(10)), 2) << "it goes on from there";
}

TEST_F(Watching, AKeyThatGoesWhileItIsReadIsNoGap) {
  transport.then(changed(7));
  for (int i = 0; i < 4; ++i) transport.then(silence());
  transport.then(missing(9));
  transport.then(answer(200, R"({"action":"delete","node":{"key":"/a","modifiedIndex":9,"createdIndex":7}})", {}));
  transport.then(changed(10));
  Watch watch = client.watch("/a", {.from_index = 7, .on_gap = [](const Gap&) { FAIL(); }});
  EXPECT_TRUE(watch.next());
  EXPECT_TRUE(watch.next()->is_removal());
  stay_silent(9, missing(9));
  EXPECT_TRUE(watch.next());
}

TEST_F(Watching, AKeyThatNeverWasIsNoGap) {
  transport.then(missing(9));
  stay_silent(5, missing(9));
  EXPECT_TRUE(client.watch("/a", {.on_gap = [](const Gap&) { FAIL(); }}).next());
}

TEST_F(Watching, SeesThatTheStoreHasBegunAnew) {
  transport.then(changed(70));
  stay_silent(6, read_at(3, 3));
  std::vector<Gap> gaps;
  Watch watch = client.watch("/a", {.from_index = 70, .on_gap = [&](const Gap& gap) { gaps.push_back(gap); }});
  EXPECT_TRUE(watch.next());
  EXPECT_TRUE(watch.next());
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].first_missed, 71U);
  EXPECT_EQ(gaps[0].read_at, 3U);
  ASSERT_TRUE(gaps[0].state);
  EXPECT_EQ(gaps[0].state->modified_index, 3U);
  EXPECT_EQ(std::ranges::count(targets(), poll(4)), 2);
}

TEST_F(Watching, OneReadingFromAnOlderIndexIsNotBelieved) {
  transport.then(changed(70));
  for (int i = 0; i < 4; ++i) transport.then(silence());
  transport.then(read_at(3, 3));
  stay_silent(6, read_at(70, 70));
  Watch watch = client.watch("/a", {.from_index = 70, .on_gap = [](const Gap&) { FAIL(); }});
  EXPECT_TRUE(watch.next());
  EXPECT_TRUE(watch.next());
}

TEST_F(Watching, ADoubtEndsWithAnEvent) {
  transport.then(changed(70));
  for (int i = 0; i < 4; ++i) transport.then(silence());
  transport.then(read_at(3, 3));
  transport.then(changed(71));
  for (int i = 0; i < 4; ++i) transport.then(silence());
  transport.then(read_at(3, 3));
  stay_silent(6, read_at(71, 71));
  Watch watch = client.watch("/a", {.from_index = 70, .on_gap = [](const Gap&) { FAIL(); }});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(watch.next());
}

TEST_F(Watching, AGapOfARecursiveWatchHasAllThatIsBelow) {
  stay_silent(3, read_at(3, 3));
  int gaps = 0;
  Watch watch = client.watch("/a", {.recursive = true, .from_index = 70, .on_gap = [&](const Gap&) { ++gaps; }});
  EXPECT_TRUE(watch.next());
  EXPECT_EQ(gaps, 1);
  EXPECT_EQ(std::ranges::count(targets(), ""), 2) << "one level is enough to find it out";
  EXPECT_EQ(std::ranges::count(targets(), "?recursive=true"), 1);
}

TEST_F(Watching, LeavesAnEndpointThatAnswersNonsenseWhateverOthersAsk) {
  transport.then(changed(7));
  Watch watch = client.watch("/a", {.from_index = 7});
  EXPECT_TRUE(watch.next());
  transport.then([&](const Asked&) {
    transport.then(got("/b", 3));
    EXPECT_TRUE(client.get("/b"));  // Takes the turn of the other.
    transport.then(changed(8));
    return answer(200, "{\"action\":\"se");
  });
  EXPECT_TRUE(watch.next());
  ASSERT_EQ(transport.asked.size(), 4U);
  EXPECT_EQ(transport.asked[1].endpoint, transport.asked[0].endpoint);
  EXPECT_NE(transport.asked[3].endpoint, transport.asked[1].endpoint);
}

TEST_F(Watching, ARecursiveWatchTellsNoHiddenNamesBelowItsKey) {
  const auto set = [](const std::string& key, int index) {
    return answer(200,
                  R"({"action":"set","node":{"key":")" + key + R"(","value":"v","modifiedIndex":)" +
                      std::to_string(index) + R"(,"createdIndex":1}})",
                  {});
  };
  const auto heard = [&](const std::string& watched, const std::vector<std::string>& keys) {
    int index = 7;
    for (const std::string& key : keys) transport.then(set(key, index++));
    transport.then(set(watched, index));
    Watch watch = client.watch(watched, {.recursive = true, .from_index = 7});
    std::vector<std::string> told;
    for (const Event& event : watch) {
      if (event.node.key == watched) break;
      told.push_back(event.node.key);
    }
    return told;
  };
  EXPECT_THAT(heard("/a", {"/a/_x", "/a/b", "/a/b/_c/d", "/a/b_c"}), ElementsAre("/a/b", "/a/b_c"));
  EXPECT_THAT(heard("/_a", {"/_a/b", "/_a/_b"}), ElementsAre("/_a/b")) << "what is above its key counts for nothing";
}

TEST_F(Watching, StaysWithAnEndpointThatWorksAndLeavesOneThatFails) {
  const auto endpoints = [&] {
    std::set<std::string> all;
    for (const Asked& asked : std::exchange(transport.asked, {})) all.insert(asked.endpoint);
    return all;
  };
  for (int index = 7; index < 17; ++index) transport.then(changed(static_cast<std::uint64_t>(index)));
  Watch watch = client.watch("/a", {.from_index = 7});
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(watch.next());
  const auto first = endpoints();
  EXPECT_EQ(first.size(), 1U);
  transport.then(failure(Reason::broken, Delivery::unknown));
  transport.then(changed(17));
  EXPECT_TRUE(watch.next());
  EXPECT_NE(transport.asked.back().endpoint, *first.begin());
}

TEST_F(Watching, EndsAtErrorsThatAskingAgainCannotHeal) {
  Watch unusable = client.watch("/a//b");
  EXPECT_FALSE(unusable.next());
  EXPECT_EQ(unusable.error()->code, errc::invalid_key);

  Watch impossible = client.watch("/a", {.poll_timeout = 0s});
  EXPECT_FALSE(impossible.next());
  EXPECT_EQ(impossible.error()->code, errc::invalid_argument);
  EXPECT_TRUE(transport.asked.empty());

  transport.otherwise([](const Asked&) { return answer(404, "404 page not found\n"); });
  Watch of_another_server = client.watch("/a");
  EXPECT_FALSE(of_another_server.next());
  EXPECT_EQ(of_another_server.error()->code, errc::protocol_error);
}

TEST_F(Watching, EndsWhenItIsStopped) {
  std::stop_source stop;
  transport.then(changed(8));
  transport.then([&](const Asked&) {
    stop.request_stop();
    return failure(Reason::cancelled, Delivery::unknown);
  });
  Watch watch = client.watch("/a", {.from_index = 7}, stop.get_token());
  int events = 0;
  for (const Event& event : watch) {
    EXPECT_EQ(event.node.key, "/a");
    ++events;
  }
  EXPECT_EQ(events, 1);
  EXPECT_EQ(watch.error()->code, errc::cancelled);
  EXPECT_EQ(watch.next_index(), 9U);
  EXPECT_FALSE(watch.next());
}

TEST_F(Watching, EndsWhenTheClientIsClosed) {
  transport.then([&](const Asked&) {
    client.close();
    return failure(Reason::cancelled, Delivery::unknown);
  });
  Watch watch = client.watch("/a", {.from_index = 7});
  EXPECT_FALSE(watch.next());
  EXPECT_EQ(watch.error()->code, errc::closed);
}

TEST_F(Watching, LearnsWhatNowIsAsSoonAsItCan) {
  transport.otherwise([](const Asked&) { return refused(); });
  Watch watch = client.watch("/a");
  EXPECT_EQ(watch.next_index(), 0U);
  EXPECT_FALSE(watch.error());
  transport.then(missing(4));
  transport.then(changed(5));
  EXPECT_TRUE(watch.next());
}

}  // namespace
}  // namespace deimos

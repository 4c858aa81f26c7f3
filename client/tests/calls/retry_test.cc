// What is asked again, of whom, how soon, and what is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deimos/client.h>

#include "wire/scripted_transport.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Reason = Failure::Reason;

constexpr const char* one = "http://one:4001";
constexpr const char* two = "http://two:4001";
constexpr const char* three = "http://three:4001";

class Retry : public ::testing::Test {
 protected:
  Client client(std::vector<std::string> endpoints = {one}, ClientOptions options = {}) {
    options.endpoints = std::move(endpoints);
    options.runtime = borrow(runtime);
    options.transport = borrow(transport);
    return Client(std::move(options));
  }
  [[nodiscard]] std::ptrdiff_t count(const char* endpoint) const {
    return std::count_if(transport.asked.begin(), transport.asked.end(),
                         [&](const Asked& asked) { return asked.endpoint == endpoint; });
  }
  ManualRuntime runtime;
  ScriptedTransport transport{runtime};
};

TEST_F(Retry, AReadIsAskedAgainUntilItIsAnswered) {
  transport.then(refused());
  transport.then(failure(Reason::broken, Delivery::unknown));
  transport.then(failure(Reason::timed_out, Delivery::unknown));
  transport.then(answer(500, "Internal Server Error\nInternal Server Error\n"));
  transport.then(answer(429, "slow down"));
  transport.then(got("/a", 3));
  EXPECT_EQ(client().get("/a").value().node.key, "/a");
  EXPECT_EQ(transport.asked.size(), 6U);
}

TEST_F(Retry, AWriteIsSentAgainOnlyIfItWasNotSent) {
  transport.then(refused());
  transport.then(answer(429, "slow down"));
  transport.then(got("/a", 3));
  EXPECT_TRUE(client().set("/a", "v"));
  EXPECT_EQ(transport.asked.size(), 3U);
}

TEST_F(Retry, AWriteWithoutAClearAnswerIsNeverSentAgain) {
  const std::vector<Exchange> unclear = {
      failure(Reason::broken, Delivery::unknown), failure(Reason::timed_out, Delivery::unknown),
      answer(500, "Internal Server Error\nInternal Server Error\n"), answer(502, "<html>Bad Gateway</html>"),
      answer(500, "{\"errorCode\":301,\"message\":\"During Leader Election\",\"cause\":\"\",\"index\":0}\n")};
  for (const Exchange& exchange : unclear) {
    transport.asked.clear();
    transport.then(exchange);
    const auto written = client({one, two}).create("/a", "v");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, errc::outcome_unknown);
    EXPECT_TRUE(written.error().code == condition::outcome_unknown);
    EXPECT_FALSE(written.error().code == condition::retryable);
    EXPECT_EQ(transport.asked.size(), 1U);
  }
}

TEST_F(Retry, AnAnswerThatIsNotDeimosLeavesAWritesOutcomeUnknown) {
  constexpr const char* page = "<html>Welcome to the hotel's network</html>";
  for (int asked = 0; asked < 3; ++asked) transport.then(answer(200, page));  // `/version` and `/machines` too.
  const auto written = client().remove("/a");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, errc::protocol_error);
  EXPECT_TRUE(written.error().code == condition::outcome_unknown);
  EXPECT_THAT(written.error().message, HasSubstr("it is neither a Deimos nor an etcd"));
}

TEST_F(Retry, AnAnswerFromInBetweenIsToldFromThatOfAnotherStore) {
  transport.then(answer(404, "<html>Log in first</html>"));
  transport.then(answer(404, "404 page not found\n"));
  transport.then(answer(200, "http://127.0.0.1:4001"));
  const Error error = client().get("/a").error();
  EXPECT_EQ(error.code, errc::protocol_error);
  EXPECT_THAT(error.message, HasSubstr("it is a Deimos all the same"));
}

TEST_F(Retry, ARefusalOfTheStoreIsFinal) {
  transport.then(answer(404, "{\"errorCode\":100,\"message\":\"Key not found\",\"cause\":\"/a\",\"index\":5}\nx\n"));
  const auto read = client().get("/a");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::key_not_found);
  EXPECT_EQ(read.error().index, 5U);
  EXPECT_EQ(read.error().method, "GET");
  EXPECT_EQ(read.error().key, "/a");
  EXPECT_EQ(read.error().endpoint, one);
  EXPECT_EQ(read.error().attempts, 1);
}

TEST_F(Retry, FailsOverToTheNextEndpointWithoutAPause) {
  transport.then(refused());
  transport.then(got("/a", 3));
  EXPECT_TRUE(client({one, two}).set("/a", "v"));
  ASSERT_EQ(transport.asked.size(), 2U);
  EXPECT_NE(transport.asked[0].endpoint, transport.asked[1].endpoint);
  EXPECT_EQ(transport.asked[0].at, transport.asked[1].at);
}

TEST_F(Retry, PausesGrowAndAreJittered) {
  transport.otherwise([](const Asked&) { return refused(); });
  ClientOptions options;
  options.request_timeout = 60s;
  options.retry = {.initial_backoff = 100ms, .max_backoff = 1s, .multiplier = 2, .jitter = 0.5};
  EXPECT_FALSE(client({one}, options).get("/a"));
  Duration nominal = 100ms;
  bool jittered = false;
  // The last pause is cut short by the deadline.
  for (std::size_t i = 1; i + 1 < transport.asked.size(); ++i) {
    const Duration pause = transport.asked[i].at - transport.asked[i - 1].at;
    EXPECT_LE(pause, nominal);
    EXPECT_GE(pause, nominal / 2);
    jittered |= pause != nominal;
    nominal = std::min<Duration>(2 * nominal, 1s);
  }
  EXPECT_TRUE(jittered);
  EXPECT_GT(transport.asked.size(), 50U);
  EXPECT_LT(transport.asked.size(), 140U);
}

TEST_F(Retry, IsUnavailableAtTheDeadlineIfNobodyTakesTheRequest) {
  transport.otherwise([](const Asked&) { return refused(); });
  const TimePoint start = runtime.now();
  const auto written = client({one, two}).set("/a", "v", {.timeout = 5s});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, errc::unavailable);
  EXPECT_TRUE(written.error().code == condition::retryable);
  EXPECT_THAT(written.error().message, HasSubstr("refused"));
  EXPECT_EQ(runtime.now() - start, 5s);
  EXPECT_EQ(written.error().attempts, static_cast<int>(transport.asked.size()));
}

TEST_F(Retry, NothingIsSentWithoutTimeForIt) {
  for (const Duration timeout : {Duration(0), Duration(-1s), Duration::min()}) {
    const auto written = client().set("/a", "v", {.timeout = timeout});
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, errc::unavailable);
  }
  EXPECT_TRUE(transport.asked.empty());
}

TEST_F(Retry, NothingIsSentAfterACancel) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(client().get("/a", {}, stop.get_token()).error().code, errc::cancelled);
  EXPECT_TRUE(transport.asked.empty());
}

TEST_F(Retry, ACancelEndsThePauses) {
  std::stop_source stop;
  transport.then(refused());
  transport.then([&](const Asked&) {
    stop.request_stop();
    return refused();
  });
  EXPECT_EQ(client().get("/a", {}, stop.get_token()).error().code, errc::cancelled);
  EXPECT_EQ(transport.asked.size(), 2U);
}

TEST_F(Retry, ACloseEndsThePausesAndRefusesNewCalls) {
  const Client closing = client();
  transport.then([&](const Asked&) {
    closing.close();
    return refused();
  });
  EXPECT_EQ(closing.get("/a").error().code, errc::closed);
  EXPECT_EQ(closing.set("/a", "v").error().code, errc::closed);
  EXPECT_EQ(transport.asked.size(), 1U);
}

TEST_F(Retry, AWriteThatAClosingClientCutsOffHasAnUnknownOutcome) {
  const Client closing = client();
  transport.then([&](const Asked&) {
    closing.close();
    return failure(Reason::cancelled, Delivery::unknown);
  });
  EXPECT_EQ(closing.set("/a", "v").error().code, errc::outcome_unknown);
}

TEST_F(Retry, StopsAtTheGreatestNumberOfAttempts) {
  transport.otherwise([](const Asked&) { return refused(); });
  ClientOptions options;
  options.retry.max_attempts = 3;
  const auto read = client({one, two}, options).get("/a");
  EXPECT_EQ(read.error().code, errc::unavailable);
  EXPECT_EQ(read.error().attempts, 3);
  EXPECT_EQ(transport.asked.size(), 3U);
}

TEST_F(Retry, ASlowReadIsAskedOfAnotherButASlowWriteIsWaitedFor) {
  transport.otherwise([](const Asked&) { return got("/a", 3); });
  const Client asking = client({one}, {.request_timeout = 10s, .attempt_timeout = 3s});
  EXPECT_TRUE(asking.get("/a"));
  EXPECT_TRUE(asking.set("/a", "v"));
  EXPECT_EQ(transport.asked[0].deadline - transport.asked[0].at, 3s);
  EXPECT_EQ(transport.asked[1].deadline - transport.asked[1].at, 10s);
}

TEST_F(Retry, SpreadsCallsOverAllEndpoints) {
  transport.otherwise([](const Asked&) { return got("/a", 3); });
  const Client asking = client({one, two, "http://three:4001"});
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(asking.get("/a"));
  std::map<std::string, int> calls;
  for (const Asked& asked : transport.asked) ++calls[asked.endpoint];
  EXPECT_EQ(calls.size(), 3U);
  for (const auto& [endpoint, count] : calls) EXPECT_EQ(count, 3) << endpoint;
}

TEST_F(Retry, LeavesAFailedEndpointOut) {
  transport.otherwise([&](const Asked& asked) { return asked.endpoint == one ? refused() : got("/a", 3); });
  const Client asking = client({one, two});
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(asking.get("/a"));
  EXPECT_EQ(count(one), 1);
}

TEST_F(Retry, OneThatIsDownIsNotAskedWhileAnotherIsOnlyBusy) {
  int asks = 0;
  transport.otherwise([&](const Asked& asked) {
    if (asked.endpoint == one) return refused();
    return ++asks % 2 == 0 ? got("/a", 3) : answer(429, "slow down");
  });
  const Client asking = client({one, two});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(asking.get("/a"));
  EXPECT_LE(count(one), 1);
}

TEST_F(Retry, DoesNotBeginARoundWithWhoeverFailedLastWhateverOthersAsk) {
  const Client asking = client({one, two});
  transport.then(answer(429, "slow down"));
  transport.then([&](const Asked&) {
    transport.then(got("/b", 3));
    EXPECT_TRUE(asking.get("/b"));  // Takes the turn of the other.
    transport.then(got("/a", 3));
    return answer(429, "slow down");
  });
  EXPECT_TRUE(asking.get("/a"));
  ASSERT_EQ(transport.asked.size(), 4U);
  EXPECT_NE(transport.asked[3].endpoint, transport.asked[1].endpoint);
}

TEST_F(Retry, AsksFirstWhoeverHasNotJustFailed) {
  transport.otherwise([](const Asked&) { return got("/a", 3); });
  const Client asking = client({one, two, three});
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(asking.get("/a", {.avoid_endpoint = two}));
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(asking.set("/a", "v", {.avoid_endpoint = two}));
  EXPECT_EQ(count(two), 0);
  EXPECT_GT(count(one), 0);
  EXPECT_GT(count(three), 0);
  // But one that is avoided is better than none.
  EXPECT_TRUE(client({two}).get("/a", {.avoid_endpoint = two}));
}

TEST_F(Retry, BeginsTheNextRoundWithAnotherThanTheLastOfTheRoundBefore) {
  transport.otherwise([](const Asked&) { return answer(429, "slow down"); });
  ClientOptions options;
  options.retry.max_attempts = 12;
  EXPECT_FALSE(client({one, two, three}, options).get("/a"));
  ASSERT_EQ(transport.asked.size(), 12U);
  for (std::size_t i = 1; i < 12; ++i) EXPECT_NE(transport.asked[i].endpoint, transport.asked[i - 1].endpoint);
}

TEST_F(Retry, TimeOutsInARowTakeAnEndpointOutHoweverShortTheyWere) {
  transport.otherwise([&](const Asked& asked) {
    if (asked.endpoint != one) return got("/a", 3);
    runtime.advance(asked.deadline - asked.at);
    return failure(Reason::timed_out, Delivery::unknown);
  });
  const Client asking = client({one, two});
  int failed = 0;
  for (int i = 0; i < 20; ++i) failed += !asking.set("/a", "v", {.timeout = 5ms});
  EXPECT_EQ(failed, 3);
  EXPECT_EQ(count(one), 3);
}

TEST_F(Retry, AnAnswerBetweenTwoTimeOutsKeepsAnEndpointIn) {
  int asks = 0;
  transport.otherwise([&](const Asked& asked) {
    if (asked.endpoint != one || ++asks % 3 == 0) return got("/a", 3);
    runtime.advance(asked.deadline - asked.at);
    return failure(Reason::timed_out, Delivery::unknown);
  });
  const Client asking = client({one, two});
  for (int i = 0; i < 20; ++i) static_cast<void>(asking.set("/a", "v", {.timeout = 5ms}));
  EXPECT_EQ(count(one), 10);
}

TEST_F(Retry, AnEndpointIsNotBlamedForACallerInAHurry) {
  transport.otherwise([&](const Asked& asked) {
    runtime.advance(asked.deadline - asked.at);
    return failure(Reason::timed_out, Delivery::unknown);
  });
  const Client asking = client({one, two});
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(asking.set("/a", "v", {.timeout = 5ms}));
  EXPECT_NE(transport.asked[2].endpoint, transport.asked[3].endpoint);
}

TEST_F(Retry, EveryRequestCarriesCredentialsAndHeaders) {
  transport.otherwise([](const Asked&) { return got("/a", 3); });
  ClientOptions options;
  options.credentials = {"a", "b"};
  options.headers = {{"X-Team", "storage"}};
  EXPECT_TRUE(client({one}, options).get("/a"));
  EXPECT_EQ(*find_header(transport.asked[0].request.headers, "Authorization"), "Basic YTpi");
  EXPECT_EQ(*find_header(transport.asked[0].request.headers, "X-Team"), "storage");
}

TEST_F(Retry, AnAnswerBeyondTheLimitIsAProtocolErrorAndNotAskedForAgain) {
  transport.then(failure(Reason::too_large, Delivery::unknown, "the answer is longer than 10 bytes"));
  const auto read = client().get("/a");
  EXPECT_EQ(read.error().code, errc::protocol_error);
  EXPECT_THAT(read.error().message, HasSubstr("longer"));
}

// ---- Members

TEST_F(Retry, SyncTakesTheEndpointsFromTheCluster) {
  transport.then(answer(200, "http://three:4001, http://one:4001"));
  transport.otherwise([](const Asked&) { return got("/a", 3); });
  const Client asking = client({one, two});
  const std::vector<std::string> members = {"http://three:4001", one};
  EXPECT_EQ(asking.sync().value(), members);
  EXPECT_EQ(transport.asked[0].request.target, "/machines");
  transport.asked.clear();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(asking.get("/a"));
  for (const Asked& asked : transport.asked) EXPECT_NE(asked.endpoint, two);
}

TEST_F(Retry, SyncLetsGoOfConnectionsToMembersThatAreGone) {
  transport.then(answer(200, "http://three:4001, http://one:4001"));
  ASSERT_TRUE(client({one, two}).sync());
  EXPECT_EQ(transport.forgotten, std::vector<std::string>{two});
}

TEST_F(Retry, SyncRefusesAListThatIsTooLongAtOnce) {
  std::string list;
  for (int i = 0; i < 200'000; ++i) list += "http://node" + std::to_string(i) + ":4001,";
  transport.then(answer(200, list));
  const auto synced = client({one, two}).sync();
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().code, errc::protocol_error);
  EXPECT_THAT(synced.error().message, HasSubstr("more than 1000 machines"));
}

TEST_F(Retry, SyncRefusesAListThatCannotBeAndKeepsTheEndpoints) {
  for (const char* list : {"", "one:4001", "<html>"}) {
    transport.then(answer(200, list));
    const Client asking = client({one, two});
    EXPECT_EQ(asking.sync().error().code, errc::protocol_error) << list;
    EXPECT_EQ(asking.endpoints(), (std::vector<std::string>{one, two}));
  }
}

TEST_F(Retry, SyncDoesNotLeadFromHttpsToHttp) {
  transport.then(answer(200, "http://three:4001"));
  const Client asking = client({"https://one:4001"});
  EXPECT_EQ(asking.sync().error().code, errc::protocol_error);
  EXPECT_EQ(asking.endpoints(), std::vector<std::string>{"https://one:4001"});
}

TEST_F(Retry, GivenEndpointsAreAskedWhenNoMemberCanBeReached) {
  transport.then(answer(200, "http://internal:4001"));
  transport.otherwise([](const Asked& asked) { return asked.endpoint == one ? got("/a", 3) : refused(); });
  const Client asking = client({one});
  ASSERT_TRUE(asking.sync());
  EXPECT_TRUE(asking.get("/a"));
}

// ---- Observer

class Recorder final : public Observer {
 public:
  void on_request(const Attempt& attempt) override { lines.push_back("asked " + attempt.endpoint); }
  void on_response(const Attempt&, int status, Duration) override { lines.push_back(std::to_string(status)); }
  void on_exchange_failed(const Attempt&, const Failure& failure, Duration) override {
    lines.push_back(failure.message);
  }
  void on_retry(const Attempt&, const std::string&, Duration) override { lines.push_back("retry"); }
  void on_failure(const Error& error) override { lines.push_back("failed " + error.code.message()); }
  void on_endpoint_change(const EndpointChange& change) override {
    lines.push_back(change.endpoint + (change.kind == EndpointChange::Kind::up ? " up" : " down"));
    throw std::runtime_error("must not break a call");
  }
  std::vector<std::string> lines;
};

TEST_F(Retry, AnObserverSeesEveryStepAndCannotBreakTheCall) {
  transport.then(refused());
  transport.then(got("/a", 3));
  transport.then(answer(404, "{\"errorCode\":100}"));
  const auto recorder = std::make_shared<Recorder>();
  ClientOptions options;
  options.observer = recorder;
  const Client asking = client({one}, options);
  EXPECT_TRUE(asking.get("/a"));
  EXPECT_FALSE(asking.get("/a"));
  using ::testing::ElementsAre;
  EXPECT_THAT(recorder->lines, ElementsAre("asked http://one:4001", "connection refused", "http://one:4001 down",
                                           "retry", "asked http://one:4001", "200", "http://one:4001 up",
                                           "asked http://one:4001", "404", "failed key not found"));
}

TEST_F(Retry, TheLoggingObserverWritesALineForEach) {
  transport.then(refused());
  transport.then(answer(404, "{\"errorCode\":100}"));
  std::ostringstream out;
  ClientOptions options;
  options.observer = std::make_shared<LoggingObserver>(out);
  EXPECT_FALSE(client({one}, options).get("/a"));
  EXPECT_THAT(out.str(), HasSubstr("connection refused"));
  EXPECT_THAT(out.str(), HasSubstr("GET /keys/a of http://one:4001, attempt 2"));
  EXPECT_THAT(out.str(), HasSubstr("key not found"));
}

}  // namespace
}  // namespace deimos

// Which endpoints are asked in the background, when, and what comes of it; in virtual time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deimos/client.h>
#include <deimos/testkit/virtual_runtime.h>

#include "calls/endpoint_set.h"
#include "wire/scripted_transport.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Reason = Failure::Reason;

constexpr const char* one = "http://one:4001";
constexpr const char* two = "http://two:4001";

/// Endpoints that answer, refuse, or hang until the deadline or the stop.
class SwitchedTransport final : public Transport {
 public:
  explicit SwitchedTransport(Runtime& runtime) : runtime_(runtime) {}

  [[nodiscard]] Exchange exchange(const std::string& endpoint, const Request& request, TimePoint deadline,
                                  std::stop_token stop) override {
    const bool probe = request.target.starts_with("/keys/_deimos");
    (probe ? probes : asked).push_back({endpoint, request, runtime_.now(), deadline});
    if (stop.stop_requested()) return failure(Reason::cancelled, Delivery::not_sent);
    if (refusing.contains(endpoint)) return refused();
    if (hanging.contains(endpoint) || request.target == "/keys/slow") {
      const bool at_the_end = runtime_.sleep_until(std::min(deadline, request.head_by), stop);
      return failure(at_the_end ? Reason::timed_out : Reason::cancelled, Delivery::unknown);
    }
    if (probe) return answer(404, "{}");
    return got("/a", 3);
  }
  void close() noexcept override {}

  std::set<std::string> hanging;
  std::set<std::string> refusing;
  std::vector<Asked> asked;
  std::vector<Asked> probes;

 private:
  Runtime& runtime_;
};

class HealthCheckTest : public ::testing::Test, public Observer {
 protected:
  void on_endpoint_change(const EndpointChange& change) override {
    changes.push_back(change.endpoint + (change.kind == EndpointChange::Kind::up ? " up" : " down"));
  }
  Client client(std::vector<std::string> endpoints = {one, two}) {
    ClientOptions options;
    options.endpoints = std::move(endpoints);
    options.runtime = borrow(runtime);
    options.transport = borrow(transport);
    options.observer = borrow<Observer>(*this);
    return Client(std::move(options));
  }
  [[nodiscard]] std::ptrdiff_t count(const std::vector<Asked>& requests, const char* endpoint) const {
    return std::count_if(requests.begin(), requests.end(),
                         [&](const Asked& asked) { return asked.endpoint == endpoint; });
  }
  /// One call a second.
  void call(const Client& client, int times) {
    for (int i = 0; i < times; ++i) {
      EXPECT_TRUE(client.get("/a"));
      runtime.sleep_for(1s);
    }
  }

  testkit::VirtualRuntime runtime;
  SwitchedTransport transport{runtime};
  std::vector<std::string> changes;
};

TEST_F(HealthCheckTest, ProbesAnEndpointThatIsDownRarerAndRarerAndUsesItOnceItIsBack) {
  const Client asking = client();
  transport.refusing = {one};
  call(asking, 60);
  EXPECT_EQ(count(transport.asked, one), 1) << "no call of a user is spent on it";
  EXPECT_GE(count(transport.probes, one), 5);
  EXPECT_LE(count(transport.probes, one), 15);
  EXPECT_THAT(changes, ElementsAre(HasSubstr("one:4001 down")));
  transport.refusing.clear();
  runtime.sleep_for(16s);
  EXPECT_THAT(changes, ElementsAre(HasSubstr("down"), HasSubstr("one:4001 up")));
  transport.asked.clear();
  call(asking, 10);
  EXPECT_EQ(count(transport.asked, one), 5);
}

TEST_F(HealthCheckTest, ProbesAreAnsweredByTheWholeStoreAndCarryTheClientsHeaders) {
  ClientOptions options;
  options.endpoints = {one, two};
  options.runtime = borrow(runtime);
  options.transport = borrow(transport);
  options.headers = {{"X-Team", "storage"}};
  const Client asking(options);
  transport.refusing = {one};
  call(asking, 3);
  ASSERT_FALSE(transport.probes.empty());
  EXPECT_EQ(transport.probes[0].request.method, "GET");
  EXPECT_THAT(transport.probes[0].request.target, HasSubstr("/keys/")) << "which goes through consensus";
  ASSERT_NE(find_header(transport.probes[0].request.headers, "X-Team"), nullptr);
  EXPECT_EQ(transport.probes[0].deadline - transport.probes[0].at, 1s);
}

TEST_F(HealthCheckTest, OneProbeAtATimeIsUnderWay) {
  const Client asking = client();
  transport.refusing = {one};
  call(asking, 1);
  call(asking, 1);
  transport.refusing.clear();
  transport.probes.clear();
  transport.hanging = {one};
  call(asking, 60);
  for (std::size_t i = 1; i < transport.probes.size(); ++i) {
    EXPECT_GE(transport.probes[i].at, transport.probes[i - 1].at + 1s) << "each has a second";
  }
  EXPECT_GT(transport.probes.size(), 5U);
}

TEST_F(HealthCheckTest, EndsWhatWaitsForAnEndpointThatHangsWhileAnotherAnswers) {
  const Client asking = client();
  transport.hanging = {one};
  const TimePoint start = runtime.now();
  std::vector<Result<Answer>> written;
  for (int i = 0; i < 2; ++i) written.push_back(asking.set("/a", "v"));
  const auto failed = std::find_if(written.begin(), written.end(), [](const auto& result) { return !result; });
  ASSERT_NE(failed, written.end());
  EXPECT_EQ(failed->error().code, errc::outcome_unknown) << "it may have been done";
  EXPECT_THAT(failed->error().message, HasSubstr("answers nothing"));
  EXPECT_EQ(failed->error().endpoint, one);
  EXPECT_EQ(runtime.now() - start, 2s) << "a second of silence, and one for a probe";
  EXPECT_EQ(transport.probes[0].endpoint, one);
}

TEST_F(HealthCheckTest, AnEndpointThatHungAndIsBackIsUsedAsBefore) {
  const Client asking = client();
  transport.hanging = {one};
  for (int i = 0; i < 2; ++i) static_cast<void>(asking.set("/a", "v"));
  transport.hanging.clear();
  runtime.sleep_for(16s);
  EXPECT_THAT(changes, ElementsAre(HasSubstr("one:4001 down"), HasSubstr("one:4001 up")));
  transport.asked.clear();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(asking.set("/a", "v"));
  EXPECT_EQ(count(transport.asked, one), 5);
}

TEST_F(HealthCheckTest, AnEndpointThatAnswersOthersIsNotCheckedForTheSakeOfOneCall) {
  const Client asking = client();
  const auto waiting =
      runtime.spawn("waiting", [&](const std::stop_token&) { EXPECT_FALSE(asking.set("/slow", "v")); });
  for (int i = 0; i < 90; ++i) {
    runtime.sleep_for(100ms);
    EXPECT_TRUE(asking.get("/a"));
  }
  EXPECT_THAT(transport.probes, SizeIs(0));
}

TEST_F(HealthCheckTest, AnEndpointIsNotCheckedOnceNobodyWaitsForIt) {
  const Client asking = client();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(asking.get("/a"));
  runtime.sleep_for(1min);
  EXPECT_THAT(transport.probes, SizeIs(0));
}

TEST_F(HealthCheckTest, AnEndpointIsCheckedASecondAfterSomebodyBeganToWait) {
  const Client asking = client();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(asking.get("/a"));
  runtime.sleep_for(1min);
  transport.hanging = {one, two};
  const TimePoint start = runtime.now();
  static_cast<void>(asking.set("/a", "v"));
  ASSERT_FALSE(transport.probes.empty());
  EXPECT_EQ(transport.probes[0].at - start, 1s);
}

TEST_F(HealthCheckTest, ACloseEndsWhatWaitsAndTheProbes) {
  const Client asking = client();
  transport.hanging = {one, two};
  const auto closing = runtime.spawn("closing", [&](const std::stop_token&) {
    runtime.sleep_for(1500ms);
    asking.close();
  });
  const TimePoint start = runtime.now();
  EXPECT_EQ(asking.set("/a", "v").error().code, errc::outcome_unknown);
  EXPECT_EQ(runtime.now() - start, 1500ms);
  runtime.sleep_for(1s);
  const std::size_t before = transport.probes.size();
  runtime.sleep_for(1min);
  EXPECT_EQ(transport.probes.size(), before);
}

TEST_F(HealthCheckTest, AClosedClientProbesNobody) {
  const Client asking = client();
  transport.refusing = {one};
  call(asking, 2);
  asking.close();
  const std::size_t before = transport.probes.size();
  runtime.sleep_for(1min);
  EXPECT_EQ(transport.probes.size(), before);
}

/// Its stop_callback calls back, as one of a user's transport may.
TEST_F(HealthCheckTest, WhatAProbeRunsWhenItIsStoppedMayCloseTheClient) {
  struct Closing final : Transport {
    Exchange exchange(const std::string& endpoint, const Request& request, TimePoint deadline,
                      std::stop_token stop) override {
      const std::stop_callback close(stop, [this] { client->close(); });
      return inner->exchange(endpoint, request, deadline, stop);
    }
    void close() noexcept override {}
    SwitchedTransport* inner = nullptr;
    Client* client = nullptr;
  } closing;
  ClientOptions options;
  options.endpoints = {one, two};
  options.runtime = borrow(runtime);
  options.transport = borrow(closing);
  Client asking(options);
  closing.inner = &transport;
  closing.client = &asking;
  transport.refusing = {one};
  call(asking, 1);
  call(asking, 1);
  transport.refusing.clear();
  transport.hanging = {one};
  runtime.sleep_until(transport.probes.back().at + 16s);
  while (transport.probes.back().deadline <= runtime.now()) runtime.sleep_for(100ms);  // Until one is under way.
  asking.close();
  EXPECT_EQ(asking.get("/a").error().code, errc::closed);
}

TEST_F(HealthCheckTest, AnAnswerThatComesWhileItIsCheckedSavesAnEndpoint) {
  EndpointSet endpoints(runtime, {one, two}, 1s);
  const auto choice = endpoints.pick({});
  endpoints.begin(choice.url);
  runtime.sleep_for(1s);
  const auto check = endpoints.next_check();
  ASSERT_TRUE(check);
  EXPECT_EQ(check->url, choice.url);
  runtime.sleep_for(100ms);
  EXPECT_FALSE(endpoints.judge(choice.url, Verdict::works));
  EXPECT_FALSE(endpoints.give_up(*check));
  EXPECT_FALSE(choice.hung.stop_requested());
}

TEST_F(HealthCheckTest, WhoeverChecksIsNotWokenByEachOfManyShortCalls) {
  EndpointSet endpoints(runtime, {one, two}, 1s);
  EXPECT_EQ(endpoints.next_check_at(), TimePoint::max());
  TimePoint planned = TimePoint::min();
  for (int i = 0; i < 100; ++i) {
    const TimePoint due = endpoints.begin(one);
    EXPECT_EQ(due, runtime.now() + 1s);
    EXPECT_GE(due, planned) << "no sooner than was planned";
    endpoints.end(one);
    planned = endpoints.next_check_at();
    EXPECT_EQ(planned, runtime.now() + 1s);
    runtime.sleep_for(1ms);
  }
  runtime.sleep_until(planned);
  EXPECT_EQ(endpoints.next_check_at(), TimePoint::max()) << "nobody calls any more";
}

TEST_F(HealthCheckTest, AnEndpointThatWasBackIsProbedSoonWhenItFailsAgain) {
  EndpointSet endpoints(runtime, {one, two}, 1s);
  for (int i = 0; i < 6; ++i) {
    static_cast<void>(endpoints.judge(one, Verdict::fails));
    runtime.sleep_until(endpoints.next_check_at());
  }
  EXPECT_TRUE(endpoints.judge(one, Verdict::works));
  EXPECT_TRUE(endpoints.judge(one, Verdict::fails));
  EXPECT_LE(endpoints.next_check_at() - runtime.now(), 500ms);
}

TEST_F(HealthCheckTest, AReadThatAHungEndpointHoldsIsAskedOfAnother) {
  const Client asking = client();
  transport.hanging = {one};
  const TimePoint start = runtime.now();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(asking.get("/a"));
  EXPECT_EQ(runtime.now() - start, 2s);
  EXPECT_EQ(count(transport.asked, one), 1);
}

TEST_F(HealthCheckTest, NothingIsEndedWhileNobodyAnswers) {
  const Client asking = client();
  transport.hanging = {one, two};
  const auto back = runtime.spawn("back", [&](const std::stop_token&) {
    runtime.sleep_for(6s);
    transport.hanging.clear();
  });
  const TimePoint start = runtime.now();
  const auto written = asking.set("/a", "v");
  ASSERT_FALSE(written);
  EXPECT_GE(runtime.now() - start, 6s) << "during an election, a write waits for its end";
}

TEST_F(HealthCheckTest, ALostAnswerOfAnEndpointThatWorksIsWaitedFor) {
  const Client asking = client({one, two});
  const auto waiting = runtime.spawn("waiting", [&](const std::stop_token&) {
    transport.hanging = {one, two};
    const TimePoint start = runtime.now();
    EXPECT_FALSE(asking.set("/a", "v"));
    EXPECT_EQ(runtime.now() - start, 10s);
  });
  runtime.sleep_for(1ms);
  transport.hanging.clear();  // For what comes later.
  runtime.sleep_for(9s);
  EXPECT_THAT(changes, SizeIs(0));
  runtime.sleep_for(9s);
  EXPECT_GT(transport.probes.size(), 3U);
}

TEST_F(HealthCheckTest, APollThatIsNotEvenTakenIsRepeatedElsewhere) {
  const Client asking = client();
  transport.hanging = {one, two};
  const auto polled = asking.wait("/a", {.from_index = 3, .timeout = 30s});
  ASSERT_FALSE(polled);
  EXPECT_EQ(polled.error().code, errc::unavailable);
  ASSERT_FALSE(transport.asked.empty());
  EXPECT_EQ(runtime.now() - transport.asked[0].at, 3s) << "the time for an attempt, not that of the poll";
}

TEST_F(HealthCheckTest, AClientOfOneEndpointHasNoTaskAndNoProbe) {
  const Client asking = client({one});
  transport.hanging = {one};
  EXPECT_FALSE(asking.set("/a", "v", {.timeout = 5s}));
  EXPECT_THAT(transport.probes, SizeIs(0));
}

TEST_F(HealthCheckTest, TheProbeEndsWithTheClient) {
  {
    const Client asking = client();
    transport.hanging = {one};
    for (int i = 0; i < 2; ++i) static_cast<void>(asking.set("/a", "v"));
    runtime.sleep_for(700ms);
  }
  const std::size_t before = transport.probes.size();
  runtime.sleep_for(1min);
  EXPECT_EQ(transport.probes.size(), before);
}

/// Destroys the client from the background task that reports.
TEST_F(HealthCheckTest, AnObserverMayDestroyTheClientThatReports) {
  struct Ending final : Observer {
    void on_endpoint_change(const EndpointChange& change) override {
      if (change.kind == EndpointChange::Kind::up) client.reset();
    }
    std::optional<Client> client;
  };
  const auto ending = std::make_shared<Ending>();
  ClientOptions options;
  options.endpoints = {one, two};
  options.runtime = borrow(runtime);
  options.transport = borrow(transport);
  options.observer = ending;
  ending->client.emplace(options);
  transport.refusing = {one};
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(ending->client->get("/a"));
  transport.refusing.clear();
  runtime.sleep_for(30s);
  EXPECT_FALSE(ending->client);
}

}  // namespace
}  // namespace deimos

// What the gateway client makes of each answer, over a scripted transport.
#include "backends/etcd/etcd_gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include <deimos/etcd_backend.h>

#include "runtime/manual_runtime.h"
#include "wire/scripted_transport.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class EtcdGatewayTest : public ::testing::Test {
 protected:
  EtcdGatewayTest() { transport.then(answer(200, R"({"etcdserver":"3.4.23"})")); }

  ClientOptions options() {
    ClientOptions options;
    options.endpoints = {"http://127.0.0.1:1"};
    options.runtime = borrow(runtime);
    options.transport = borrow(transport);
    return options;
  }
  [[nodiscard]] Deadline soon() const { return {runtime.now() + 5s}; }
  static Exchange refusal(int status, const std::string& message) {
    return answer(status, R"({"error":")" + message + R"(","message":")" + message + R"(","code":5})");
  }
  const Exchange fine = answer(200, R"({"header":{"revision":"7"},"succeeded":true})");

  ManualRuntime runtime;
  ScriptedTransport transport{runtime};
  const etcd::Txn write = etcd::Txn().then_put("/a", "v", 0);
  const etcd::Txn read = etcd::Txn().then_range("/a");
};

TEST_F(EtcdGatewayTest, OlderServersAreAskedUnderTheirOwnPrefix) {
  ManualRuntime other_runtime;
  ScriptedTransport other(other_runtime);
  ClientOptions settings = options();
  settings.transport = borrow(other);
  settings.runtime = borrow(other_runtime);
  other.then(answer(200, R"({"etcdserver":"3.3.27"})"));
  other.otherwise([&](const Asked&) { return fine; });
  EtcdGateway gateway(settings, {});
  ASSERT_TRUE(gateway.txn(read, "/a", {other_runtime.now() + 5s}));
  ASSERT_TRUE(gateway.txn(read, "/a", {other_runtime.now() + 5s}));
  ASSERT_EQ(other.asked.size(), 3U);
  EXPECT_EQ(other.asked[1].request.target, "/v3beta/kv/txn");
  EXPECT_EQ(other.asked[2].request.target, "/v3beta/kv/txn");
}

TEST_F(EtcdGatewayTest, ServerOfAnotherVersionInItsPlaceIsNoticed) {
  transport.then(answer(404, "Not Found"));
  transport.then(answer(200, R"({"etcdserver":"3.3.27"})"));
  transport.otherwise([&](const Asked&) { return fine; });
  EtcdGateway gateway(options(), {});
  const auto first = gateway.txn(read, "/a", soon());
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, errc::protocol_error);
  EXPECT_THAT(first.error().describe(), HasSubstr("--enable-grpc-gateway"));
  ASSERT_TRUE(gateway.txn(read, "/a", soon()));
  EXPECT_EQ(transport.asked.back().request.target, "/v3beta/kv/txn");
}

TEST_F(EtcdGatewayTest, WriteOfUnknownOutcomeIsNotSentAgain) {
  EtcdGateway gateway(options(), {});
  transport.then(refusal(503, "etcdserver: request timed out"));
  const auto unclear = gateway.txn(write, "/a", soon());
  ASSERT_FALSE(unclear);
  EXPECT_EQ(unclear.error().code, errc::outcome_unknown);
  EXPECT_THAT(unclear.error().describe(), HasSubstr("request timed out"));
  EXPECT_EQ(transport.asked.size(), 2U);
  transport.then(refusal(503, "etcdserver: request timed out"));
  transport.then(fine);
  EXPECT_TRUE(gateway.txn(read, "/a", soon())) << "a read may be asked again";
}

TEST_F(EtcdGatewayTest, WhoHasNoLeaderHasDoneNothing) {
  EtcdGateway gateway(options(), {});
  transport.then(refusal(503, "etcdserver: no leader"));
  transport.then(fine);
  EXPECT_TRUE(gateway.txn(write, "/a", soon()));
  EXPECT_EQ(transport.asked.size(), 3U);
  const std::string* const wish = find_header(transport.asked[1].request.headers, "Grpc-Metadata-Hasleader");
  ASSERT_NE(wish, nullptr);
  EXPECT_EQ(*wish, "true");
}

TEST_F(EtcdGatewayTest, TokenThatIsOverIsReplacedOnce) {
  EtcdGateway gateway(options(), Credentials{"ann", "\"x\""});
  transport.then(answer(200, R"({"token":"one"})"));
  transport.then(refusal(401, "etcdserver: invalid auth token"));
  transport.then(answer(200, R"({"token":"two"})"));
  transport.then(fine);
  ASSERT_TRUE(gateway.txn(write, "/a", soon()));
  EXPECT_EQ(transport.asked[1].request.body, R"({"name":"ann","password":"\"x\""})");
  EXPECT_EQ(*find_header(transport.asked[2].request.headers, "Authorization"), "one");
  EXPECT_EQ(*find_header(transport.asked[4].request.headers, "Authorization"), "two");

  transport.then(refusal(401, "etcdserver: invalid auth token"));
  transport.then(answer(200, R"({"token":"three"})"));
  transport.then(refusal(401, "etcdserver: invalid auth token"));
  const auto refused = gateway.txn(write, "/a", soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
}

TEST_F(EtcdGatewayTest, NonsenseIsRefusedAndAWriteOfItUnclear) {
  EtcdGateway gateway(options(), {});
  for (const char* body : {"", "{", "[]", "<html>", R"({"header":7})", R"({"succeeded":true})"}) {
    transport.then(answer(200, body));
    const auto refused = gateway.txn(write, "/a", soon());
    ASSERT_FALSE(refused) << body;
    EXPECT_EQ(refused.error().code, errc::protocol_error);
    EXPECT_TRUE(refused.error().code == condition::outcome_unknown);
  }
}

TEST_F(EtcdGatewayTest, LeaseThatIsOverIsNoSuccess) {
  EtcdGateway gateway(options(), {});
  transport.then(answer(200, R"({"result":{"header":{"revision":"7"},"ID":"5"}})"
                             "\n"));
  EXPECT_EQ(gateway.keep_alive(5, soon()).error().code, errc::key_not_found);
  transport.then(answer(200, R"({"header":{"revision":"7"},"ID":"5","TTL":"9"})"));
  EXPECT_EQ(gateway.grant(5, 10s, soon()).error().code, errc::protocol_error) << "shorter than was asked for";
  transport.then(failure(Failure::Reason::broken, Delivery::unknown));
  transport.then(refusal(412, "etcdserver: lease already exists"));
  EXPECT_EQ(gateway.grant(5, 10s, soon()).value(), false) << "the answer to the first attempt was lost";
  transport.then(answer(200, R"({"header":{"revision":"7"},"ID":"5","TTL":"10"})"));
  EXPECT_EQ(gateway.grant(5, 10s, soon()).value(), true);
}

TEST_F(EtcdGatewayTest, WatchEndsWithWhateverSaysAnything) {
  EtcdGateway gateway(options(), {});
  transport.then([&](const Asked& asked) -> Exchange {
    EXPECT_EQ(asked.request.target, "/v3/watch");
    EXPECT_LT(asked.request.head_by, asked.deadline);
    EXPECT_FALSE(asked.request.enough(R"({"result":{"header":{"revision":"7"},"created":true}})"
                                      "\n"));
    EXPECT_TRUE(asked.request.enough(R"({"result":{"canceled":true,"compact_revision":"9"}})"
                                     "\n"));
    EXPECT_TRUE(asked.request.enough("nonsense\n"));
    return answer(200, R"({"result":{"canceled":true,"compact_revision":"9"}})"
                       "\n");
  });
  EXPECT_EQ(gateway.watch("/a", false, 3, {runtime.now() + 60s}).error().code, errc::history_cleared);
  transport.then(failure(Failure::Reason::timed_out, Delivery::unknown));
  EXPECT_FALSE(gateway.watch("/a", false, 3, {runtime.now() + 5s})) << "it ended before its time";
  transport.then([&](const Asked& asked) -> Exchange {
    runtime.sleep_until(asked.deadline, {});
    return failure(Failure::Reason::timed_out, Delivery::unknown);
  });
  const auto nothing = gateway.watch("/a", false, 3, soon());
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->events.empty());
}

}  // namespace
}  // namespace deimos

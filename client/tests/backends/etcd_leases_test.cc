// From when a lease runs, and how often it is asked for.
#include "backends/etcd/etcd_leases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "runtime/manual_runtime.h"
#include "wire/scripted_transport.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;

class EtcdLeasesTest : public ::testing::Test {
 protected:
  EtcdLeasesTest() { transport.then(answer(200, R"({"etcdserver":"3.4.23"})")); }

  ClientOptions options() {
    ClientOptions options;
    options.endpoints = {"http://127.0.0.1:1"};
    options.runtime = borrow(runtime);
    options.transport = borrow(transport);
    return options;
  }
  [[nodiscard]] Deadline soon() const { return {runtime.now() + 5s}; }
  /// Comes after that time.
  ScriptedTransport::Step late(Duration by, std::string body, int status = 200) {
    return [=, this](const Asked&) {
      runtime.advance(by);
      return answer(status, body);
    };
  }
  static std::string lease(int ttl) {
    return R"({"header":{"revision":"7"},"ID":"5","TTL":")" + std::to_string(ttl) + "\"}";
  }
  static std::string in_stream(const std::string& body) { return R"({"result":)" + body + "}\n"; }
  std::size_t asked_since(std::size_t before) const { return transport.asked.size() - before; }

  ManualRuntime runtime;
  ScriptedTransport transport{runtime};
  EtcdGateway gateway{options(), {}};
  EtcdLeases leases{gateway};
};

TEST_F(EtcdLeasesTest, RunsFromWhenTheRequestWasSent) {
  transport.then(late(2s, lease(12)));
  const TimePoint began = runtime.now();
  const auto granted = leases.for_new_record(12s, soon());
  ASSERT_TRUE(granted) << granted.error().describe();
  EXPECT_EQ(granted->from, began);

  runtime.advance(2s);  // More than a quarter of it is over.
  transport.then(late(1s, in_stream(lease(12))));
  const TimePoint asked = runtime.now();
  const auto kept = leases.for_new_record(12s, soon());
  ASSERT_TRUE(kept) << kept.error().describe();
  EXPECT_EQ(kept->from, asked);
  EXPECT_EQ(kept->id, granted->id);

  const std::size_t before = transport.asked.size();
  EXPECT_EQ(leases.for_new_record(12s, soon())->from, asked);
  EXPECT_EQ(asked_since(before), 0U);
}

TEST_F(EtcdLeasesTest, GrantOfWhichNobodyHeardRunsFromTheFirstRequest) {
  const TimePoint began = runtime.now();
  transport.then([this](const Asked& asked) -> Exchange {
    runtime.sleep_until(asked.deadline, {});
    return failure(Failure::Reason::timed_out, Delivery::unknown);
  });
  const auto unclear = leases.for_new_record(20s, {runtime.now() + 1s});
  ASSERT_FALSE(unclear);
  EXPECT_EQ(unclear.error().code, errc::unavailable) << "no record was written";
  transport.then(answer(412, R"({"message":"etcdserver: lease already exists","code":9})"));
  const auto granted = leases.for_new_record(20s, soon());
  ASSERT_TRUE(granted) << granted.error().describe();
  EXPECT_EQ(granted->from, began);
}

TEST_F(EtcdLeasesTest, EachRenewalIsServedByAKeepAliveThatIsNewToItsRecord) {
  transport.then(answer(200, lease(20)));
  const EtcdLease lease_of_both = leases.for_new_record(20s, soon()).value();
  leases.attach(lease_of_both.id, "/a", "x", lease_of_both.from);
  leases.attach(lease_of_both.id, "/b", "y", lease_of_both.from);
  runtime.advance(1s);
  transport.then(answer(200, in_stream(lease(20))));
  transport.then(answer(200, R"({"header":{"revision":"7"},"TTL":"20","keys":["L2E="]})"));
  const auto first = leases.kept_alive(lease_of_both.id, leases.due_since("/a", 20s), soon());
  ASSERT_TRUE(first) << first.error().describe();
  EXPECT_EQ(first->from, runtime.now());
  EXPECT_TRUE(leases.was_seen(lease_of_both.id, "/a"));
  EXPECT_FALSE(leases.was_seen(lease_of_both.id, "/b"));
  leases.attach(lease_of_both.id, "/a", "x", first->from);

  runtime.advance(1s);
  const std::size_t before = transport.asked.size();
  const auto second = leases.kept_alive(lease_of_both.id, leases.due_since("/b", 20s), soon());
  EXPECT_EQ(asked_since(before), 0U) << "the keep-alive is new to it";
  EXPECT_EQ(second->from, first->from);
  transport.then(answer(200, in_stream(lease(20))));
  transport.then(answer(200, R"({"header":{"revision":"7"},"TTL":"20","keys":["L2E="]})"));
  EXPECT_EQ(leases.kept_alive(lease_of_both.id, leases.due_since("/a", 20s), soon())->from, runtime.now());
  runtime.advance(3s);
  transport.then(answer(200, in_stream(lease(20))));
  transport.then(answer(200, R"({"header":{"revision":"7"},"TTL":"20","keys":["L2E="]})"));
  EXPECT_EQ(leases.kept_alive(lease_of_both.id, leases.due_since("/b", 20s), soon())->from, runtime.now())
      << "one that is older than a tenth of the ttl serves nobody";
}

TEST_F(EtcdLeasesTest, LeaseThatIsOverTakesItsRecordsWithItAndIsReplaced) {
  transport.then(answer(200, lease(20)));
  const EtcdLease first = leases.for_new_record(20s, soon()).value();
  leases.attach(first.id, "/a", "x", first.from);
  transport.then(answer(200, in_stream(R"({"header":{"revision":"7"},"ID":"5"})")));
  const auto over = leases.kept_alive(first.id, runtime.now() + 1ns, soon());
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, errc::lock_not_held);
  EXPECT_FALSE(leases.lease_of("/a", "x"));
  transport.then(answer(200, lease(20)));
  const auto second = leases.for_new_record(20s, soon());
  ASSERT_TRUE(second) << second.error().describe();
  EXPECT_NE(second->id, first.id);
}

TEST_F(EtcdLeasesTest, LeasesThatAreOverAndUnusedAreForgotten) {
  for (int i = 0; i < 5; ++i) {
    transport.then(answer(200, lease(20)));
    const auto granted = leases.for_new_record(20s, soon());
    ASSERT_TRUE(granted) << granted.error().describe();
    if (i == 2) leases.attach(granted->id, "/a", "x", granted->from);
    runtime.advance(30s);
  }
  EXPECT_EQ(leases.take_all().size(), 2U) << "the last one, and the one that a record is on";
}

}  // namespace
}  // namespace deimos

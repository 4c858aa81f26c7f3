// Every call against a fake node in the process: what is asked, and what comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deimos/client.h>
#include <deimos/fake/in_process_transport.h>
#include <deimos/fake/node.h>

#include "wire/scripted_transport.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class KeyValue : public ::testing::Test {
 protected:
  ManualRuntime runtime;
  fake::Node node;
  fake::InProcessTransport transport{runtime, node};
  Client client{{.endpoints = {"http://127.0.0.1:4001"}, .runtime = borrow(runtime), .transport = borrow(transport)}};
};

TEST_F(KeyValue, SetsAndGetsAFile) {
  const Answer set = client.set("/config/rate", "100").value();
  EXPECT_EQ(set.action, Action::set);
  EXPECT_EQ(set.node.value, "100");
  EXPECT_FALSE(set.prev_node);
  EXPECT_EQ(set.index, set.node.modified_index);
  EXPECT_GT(set.raft_index, 0U);
  EXPECT_GT(set.raft_term, 0U);

  const Answer got = client.get("config/rate/").value();
  EXPECT_EQ(got.action, Action::get);
  EXPECT_EQ(got.node, set.node);
  EXPECT_EQ(client.set("/config/rate", "200").value().prev_node->value, "100");
}

TEST_F(KeyValue, KeepsAnyValue) {
  for (const std::string& value : {std::string(), std::string("a=b&c;d+e %25"), std::string("\0\n\r\t\"\\<>&", 9),
                                   std::string("\u00fc\u2028\U0001F512"), std::string(1 << 20, 'x')}) {
    ASSERT_TRUE(client.set("/a", value));
    EXPECT_EQ(client.get("/a").value().node.value, value);
  }
}

TEST_F(KeyValue, CreatesOnlyWhatIsAbsent) {
  EXPECT_EQ(client.create("/a", "1").value().action, Action::create);
  const auto again = client.create("/a", "2");
  EXPECT_EQ(again.error().code, errc::key_already_exists);
  EXPECT_EQ(again.error().cause, "/a");
  EXPECT_GT(again.error().index, 0U);
  EXPECT_EQ(client.get("/a").value().node.value, "1");
}

TEST_F(KeyValue, UpdatesOnlyWhatIsThere) {
  EXPECT_EQ(client.update("/a", "1").error().code, errc::key_not_found);
  const Answer created = client.create("/a", "1").value();
  const Answer updated = client.update("/a", "2").value();
  EXPECT_EQ(updated.action, Action::update);
  EXPECT_EQ(updated.node.created_index, created.node.created_index);
  EXPECT_EQ(updated.prev_node->value, "1");
}

TEST_F(KeyValue, CreatesInOrder) {
  const Answer first = client.create_in_order("/queue", "a").value();
  const Answer second = client.create_in_order("/queue", "b", {.ttl = 5s}).value();
  EXPECT_EQ(first.node.key, "/queue/" + std::to_string(first.index));
  EXPECT_EQ(second.node.key, "/queue/" + std::to_string(second.index));
  EXPECT_EQ(second.node.ttl, 5s);
  const Answer listing = client.get("/queue", {.sorted = true}).value();
  ASSERT_EQ(listing.node.children.size(), 2U);
  EXPECT_EQ(listing.node.children[0].value, "a");
}

TEST_F(KeyValue, MakesListsAndRemovesDirectories) {
  EXPECT_EQ(client.create_directory("/d").value().action, Action::create);
  EXPECT_EQ(client.create_directory("/d").error().code, errc::key_already_exists);
  EXPECT_EQ(client.set("/d", "v").error().code, errc::not_a_file);
  EXPECT_TRUE(client.set("/f", "v"));
  EXPECT_TRUE(client.set_directory("/f").value().node.dir);
  EXPECT_TRUE(client.set("/d/e/f", "v"));

  const Answer flat = client.get("/d").value();
  ASSERT_EQ(flat.node.children.size(), 1U);
  EXPECT_TRUE(flat.node.children[0].children.empty());
  const Answer tree = client.get("/d", {.recursive = true}).value();
  ASSERT_EQ(tree.node.children[0].children.size(), 1U);
  EXPECT_EQ(tree.node.children[0].children[0].key, "/d/e/f");

  EXPECT_EQ(client.remove("/d").error().code, errc::not_a_file);
  EXPECT_EQ(client.remove("/d", {.dir = true}).error().code, errc::directory_not_empty);
  EXPECT_TRUE(client.remove("/d", {.recursive = true}).value().is_removal());
  EXPECT_TRUE(client.remove("/f", {.dir = true}));
  EXPECT_EQ(client.get("/d").error().code, errc::key_not_found);
}

TEST_F(KeyValue, RoundsATtlUpToWholeSeconds) {
  EXPECT_EQ(client.set("/a", "v", {.ttl = 1500ms}).value().node.ttl, 2s);
  EXPECT_EQ(client.set("/a", "v", {.ttl = 1s}).value().node.ttl, 1s);
  EXPECT_TRUE(client.create("/b", "v", {.ttl = 30s}).value().node.expiration);
  EXPECT_EQ(client.create_directory("/d", {.ttl = 10s}).value().node.ttl, 10s);
}

TEST_F(KeyValue, RefusesATtlBelowOneSecondBeforeAnythingIsSent) {
  const auto requests = node.statistics().requests;
  for (const Duration ttl : {Duration(999ms), Duration(0), Duration(-5s)}) {
    const auto refused = client.set("/a", "v", {.ttl = ttl});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::invalid_argument);
    EXPECT_THAT(refused.error().message, HasSubstr("ttl"));
    EXPECT_EQ(refused.error().key, "/a");
  }
  EXPECT_EQ(node.statistics().requests, requests);
}

TEST_F(KeyValue, AWriteWithoutTtlMakesPermanent) {
  EXPECT_TRUE(client.set("/a", "v", {.ttl = 5s}));
  EXPECT_FALSE(client.update("/a", "v").value().node.ttl);
  EXPECT_TRUE(client.create_directory("/d", {.ttl = 5s}));
  EXPECT_FALSE(client.update_directory("/d").value().node.ttl);
  EXPECT_EQ(client.update_directory("/d", {.ttl = 7s}).value().node.ttl, 7s);
  node.advance(10s);
  EXPECT_TRUE(client.get("/a"));
  EXPECT_FALSE(client.get("/d"));
}

TEST_F(KeyValue, ComparesAndSwaps) {
  const Answer created = client.create("/a", "1", {.ttl = 9s}).value();
  EXPECT_EQ(client.compare_and_swap("/a", "2", {.value = "0"}).error().code, errc::compare_failed);
  EXPECT_EQ(client.compare_and_swap("/a", "2", {.index = created.index + 1}).error().code, errc::compare_failed);
  EXPECT_EQ(client.compare_and_swap("/a", "2", {.value = "1", .index = created.index + 1}).error().code,
            errc::compare_failed);
  EXPECT_EQ(client.compare_and_swap("/b", "2", {.value = "0"}).error().code, errc::key_not_found);
  const Answer swapped =
      client.compare_and_swap("/a", "2", {.value = "1", .index = created.index}, {.ttl = 5s}).value();
  EXPECT_EQ(swapped.action, Action::compare_and_swap);
  EXPECT_EQ(swapped.node.value, "2");
  EXPECT_EQ(swapped.node.ttl, 5s);
  EXPECT_EQ(swapped.node.created_index, created.node.created_index);
}

TEST_F(KeyValue, ComparesAndDeletes) {
  const Answer created = client.create("/a", "1=&%").value();
  EXPECT_EQ(client.compare_and_delete("/a", {.value = "1"}).error().code, errc::compare_failed);
  EXPECT_EQ(client.compare_and_delete("/a", {.index = created.index + 1}).error().code, errc::compare_failed);
  EXPECT_TRUE(client.get("/a"));
  EXPECT_EQ(client.compare_and_delete("/a", {.value = "1=&%"}).value().action, Action::compare_and_delete);
  EXPECT_FALSE(client.get("/a"));
}

TEST_F(KeyValue, RefusesAComparisonThatTheServerWouldSkip) {
  const auto requests = node.statistics().requests;
  for (const Compare& compare :
       {Compare{}, Compare{.value = ""}, Compare{.index = 0}, Compare{.value = "x", .index = 0}}) {
    EXPECT_EQ(client.compare_and_swap("/a", "v", compare).error().code, errc::invalid_argument);
    EXPECT_EQ(client.compare_and_delete("/a", compare).error().code, errc::invalid_argument);
  }
  EXPECT_EQ(node.statistics().requests, requests);
}

TEST_F(KeyValue, RefusesAKeyBeforeAnythingIsSent) {
  const auto requests = node.statistics().requests;
  EXPECT_EQ(client.get("/a//b").error().code, errc::invalid_key);
  EXPECT_EQ(client.set("", "v").error().code, errc::invalid_key);
  EXPECT_EQ(client.remove("/a/../b").error().code, errc::invalid_key);
  EXPECT_EQ(client.wait("/./a").error().code, errc::invalid_key);
  EXPECT_EQ(client.remove("/a/../b").error().method, "DELETE");
  EXPECT_EQ(node.statistics().requests, requests);
}

TEST_F(KeyValue, WritesToTheRootAreRefusedByTheStore) {
  EXPECT_EQ(client.set("/", "v").error().code, errc::root_is_read_only);
  EXPECT_EQ(client.remove("/", {.recursive = true}).error().code, errc::root_is_read_only);
  EXPECT_EQ(client.get("/").value().node.key, "/");
}

TEST_F(KeyValue, AnExpiredKeyIsReadWithANegativeTtlUntilItIsSwept) {
  const fake::ManualClock unswept;
  EXPECT_TRUE(client.set("/a", "v", {.ttl = 1s}));
  node.advance(10s);
  const auto gone = client.get("/a");
  EXPECT_EQ(gone.error().code, errc::key_not_found);
}

TEST_F(KeyValue, AWaitGetsTheFirstEventFromItsIndexOn) {
  const std::uint64_t index = client.set("/a", "1").value().index;
  EXPECT_TRUE(client.set("/b", "x"));
  EXPECT_TRUE(client.set("/a", "2"));
  EXPECT_TRUE(client.set("/a", "3"));
  const auto event = client.wait("/a", {.from_index = index + 1}).value();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->node.value, "2");
  EXPECT_EQ(event->prev_node->value, "1");
}

TEST_F(KeyValue, AWaitWithoutAnEventEndsEmptyAtItsTimeout) {
  const TimePoint start = runtime.now();
  const auto event = client.wait("/a", {.timeout = 3s});
  ASSERT_TRUE(event) << event.error().describe();
  EXPECT_FALSE(*event);
  EXPECT_EQ(runtime.now() - start, 3s);
  EXPECT_EQ(node.statistics().watchers, 0U);
}

TEST_F(KeyValue, AWaitFromAnIndexThatIsForgottenSaysSo) {
  for (int i = 0; i < 1100; ++i) ASSERT_TRUE(client.set("/b", "x"));
  const auto event = client.wait("/a", {.from_index = 3});
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, errc::history_cleared);
  EXPECT_GE(event.error().index, 1100U);
}

TEST_F(KeyValue, SyncReadsTheMembers) {
  EXPECT_EQ(client.sync().value(), std::vector<std::string>{"http://127.0.0.1:4001"});
}

}  // namespace
}  // namespace deimos

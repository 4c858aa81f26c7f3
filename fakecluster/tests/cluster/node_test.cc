// What a node answers that the recorded sessions do not show: exact text, clocks, limits, watches.
#include <deimos/fake/node.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "protocol/recorded_reply.h"

namespace deimos::fake {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr const char* form_type = "application/x-www-form-urlencoded";

struct NodeTest : testing::Test {
  explicit NodeTest(NodeOptions options = {}) : node(std::move(options)) {}

  Response get(const std::string& target) { return node.handle({"GET", target, {}, {}, {}}); }
  Response put(const std::string& target, const std::string& form, const std::string& type = form_type) {
    return node.handle({"PUT", target, {}, form, type});
  }
  Response remove(const std::string& target) { return node.handle({"DELETE", target, {}, {}, {}}); }
  std::shared_ptr<RecordedReply> watch(const std::string& target) {
    auto reply = std::make_shared<RecordedReply>();
    ticket = node.handle({"GET", target, {}, {}, {}}, reply);
    return reply;
  }

  Node node;
  Node::Ticket ticket = 0;
};

struct DeepNodeTest : NodeTest {
  DeepNodeTest() : NodeTest({.limits = {.key_limit = 64 << 10}}) {}
};

TEST_F(NodeTest, KnowsItsOwnMemberRecordAndGivesTheFirstWriteIndex3) {
  EXPECT_EQ(node.statistics().index, 2U);
  EXPECT_THAT(get("/keys/_deimos/machines").body,
              AllOf(HasSubstr(R"(\"Name\":\"node1\")"), HasSubstr(R"(\"ClientURLs\":[\"http://127.0.0.1:4001\"])")));
  EXPECT_THAT(put("/keys/a", "value=1").body, HasSubstr(R"("modifiedIndex":3,)"));
}

TEST_F(NodeTest, WritesAnswersByteForByteAsGoDoes) {
  EXPECT_EQ(put("/keys/a", "value=%3Ca%3E%26+%22%5C%2F%0A%0D%09%00%1f%7f%e2%80%a8%ff%c3%a9&ttl=90").body,
            R"({"action":"set","node":{"key":"/a","value":"\u003ca\u003e\u0026 \"\\/\n\r\t\u0000\u001f)"
            "\x7f"
            R"(\u2028\ufffd)"
            "\xc3\xa9"
            R"(","expiration":"2026-01-01T00:01:30Z","ttl":90,"modifiedIndex":3,"createdIndex":3}})"
            "\n");
  EXPECT_EQ(
      get("/keys/nope").body,
      "{\"errorCode\":100,\"message\":\"Key not found\",\"cause\":\"/nope\",\"index\":3}\nInternal Server Error\n");
}

TEST_F(NodeTest, ReplacesEachByteOfInvalidUtf8AndKeepsWhatIsValid) {
  const auto shown = [&](const std::string& encoded) {
    const std::string body = put("/keys/a?prevExists=false", "value=" + encoded).body;
    remove("/keys/a");
    const std::size_t start = body.find("\"value\":\"") + 9;
    return body.substr(start, body.find('"', start) - start);
  };
  EXPECT_EQ(shown("%c0%80"), R"(\ufffd\ufffd)") << "an overlong NUL";
  EXPECT_EQ(shown("%ed%a0%80"), R"(\ufffd\ufffd\ufffd)") << "half of a surrogate pair";
  EXPECT_EQ(shown("%f4%90%80%80"), R"(\ufffd\ufffd\ufffd\ufffd)") << "beyond U+10FFFF";
  EXPECT_EQ(shown("%e2%82"), R"(\ufffd\ufffd)") << "cut short";
  EXPECT_EQ(shown("%f0%9f%98%80%ef%bf%bd"), "\xf0\x9f\x98\x80\xef\xbf\xbd");
}

TEST_F(NodeTest, TrimsTheFractionOfAnExpiryAndRoundsTheTtlUp) {
  node.advance(1'500'000'020ns);
  put("/keys/a", "ttl=10");
  EXPECT_THAT(get("/keys/a").body, HasSubstr(R"("expiration":"2026-01-01T00:00:11.50000002Z","ttl":10,)"));
  node.advance(1ns);
  EXPECT_THAT(get("/keys/a").body, HasSubstr(R"("ttl":10,)"));
  node.advance(1s);
  EXPECT_THAT(get("/keys/a").body, HasSubstr(R"("ttl":9,)"));
}

TEST_F(NodeTest, KeepsAnExpiredKeyUntilTheNextSweepOfItsClock) {
  node.advance(200ms);
  put("/keys/a", "ttl=1");
  node.advance(1299ms);  // 1 ms before the sweep at 1.5 s.
  EXPECT_EQ(get("/keys/a").status, 200);
  EXPECT_THAT(get("/keys/a").body, Not(HasSubstr("ttl"))) << "a ttl of 0 is left out";
  EXPECT_EQ(put("/keys/a", "prevExists=false").status, 412);
  node.advance(1ms);
  EXPECT_EQ(get("/keys/a").status, 404);
}

TEST(Node, ShowsANegativeTtlWhileAnExpiredKeyWaitsForItsSweep) {
  Node node({.sweep_interval = 60s});
  ASSERT_EQ(node.handle({"PUT", "/keys/a", {}, "ttl=1", form_type}).status, 201);
  node.advance(4500ms);
  EXPECT_THAT(node.handle({"GET", "/keys/a", {}, {}, {}}).body, HasSubstr(R"("ttl":-3,)"));
}

TEST_F(NodeTest, ExpiresAKeyWithTtl0AtTheNextSweep) {
  put("/keys/a", "ttl=0");
  EXPECT_EQ(get("/keys/a").status, 200);
  node.advance(500ms);
  EXPECT_EQ(get("/keys/a").status, 404);
}

TEST_F(NodeTest, ExpiresKeysInTheOrderOfTheirInstantsEachWithItsOwnIndex) {
  put("/keys/a", "ttl=3");
  put("/keys/b", "ttl=1");
  put("/keys/c", "ttl=2");
  put("/keys/d", "ttl=1");
  const auto reply = watch("/keys?wait=true&recursive=true&stream=true");
  node.advance(1h);
  ASSERT_EQ(reply->parts.size(), 4U);
  EXPECT_THAT(reply->parts[0], HasSubstr(R"("node":{"key":"/b","modifiedIndex":7,"createdIndex":4},"prevNode")"));
  EXPECT_THAT(reply->parts[1], HasSubstr(R"("node":{"key":"/d","modifiedIndex":8,)"));
  EXPECT_THAT(reply->parts[2], HasSubstr(R"("node":{"key":"/c","modifiedIndex":9,)"));
  EXPECT_THAT(reply->parts[3], HasSubstr(R"("node":{"key":"/a","modifiedIndex":10,)"));
}

TEST_F(NodeTest, TellsAWatcherBelowADirectoryThatItExpired) {
  put("/keys/d", "dir=true&ttl=1");
  put("/keys/d/x", "value=1");
  const auto reply = watch("/keys/d/x?wait=true");
  node.advance(1s);
  EXPECT_EQ(reply->response.body,
            R"({"action":"expire","node":{"key":"/d","modifiedIndex":5,"createdIndex":3},"prevNode":{"key":"/d","dir":)"
            R"(true,"expiration":"2026-01-01T00:00:01Z","modifiedIndex":3,"createdIndex":3}})"
            "\n");
  EXPECT_EQ(reply->ends, 1);
}

TEST_F(NodeTest, RefusesATtlThatNanosecondsCannotHold) {
  const Response refused = put("/keys/a", "ttl=9223372036");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, StartsWith("{\"errorCode\":202,"));
  EXPECT_EQ(put("/keys/a", "ttl=7000000000").status, 201);
  EXPECT_THAT(get("/keys/a").body, HasSubstr("\"expiration\":\"2247-"));
  node.advance(24h * 365 * 100);
  EXPECT_EQ(get("/keys/a").status, 200);
}

TEST_F(NodeTest, ReadsAFormByItsContentTypeOnly) {
  EXPECT_THAT(put("/keys/a?value=query", "value=body", "application/x-www-form-urlencoded; charset=UTF-8").body,
              HasSubstr(R"("value":"body")"));
  EXPECT_THAT(put("/keys/a?value=query", "value=body", "Application/X-WWW-Form-URLencoded").body,
              HasSubstr(R"("value":"body")"));
  EXPECT_THAT(put("/keys/a?value=query", "value=body", "text/plain").body, HasSubstr(R"("value":"query")"));
  EXPECT_THAT(put("/keys/a?value=query", "value=body", "").body, HasSubstr(R"("value":"query")"));
  EXPECT_THAT(put("/keys/a", "value=1", "application/x-www-form-urlencoded; charset").body,
              HasSubstr(R"("errorCode":210,"message":"Invalid POST form","cause":"mime: invalid media parameter")"));
}

TEST_F(NodeTest, ReadsParametersByTheRulesOfGo) {
  EXPECT_THAT(put("/keys/a", "value=a=b").body, HasSubstr(R"("value":"a=b")"));
  EXPECT_THAT(put("/keys/a", "%76alue=x+y%2Bz&&=&other&value=second").body, HasSubstr(R"("value":"x y+z")"));
  EXPECT_THAT(put("/keys/a", "value").body, HasSubstr(R"("value":"")"));
  EXPECT_THAT(put("/keys/a?x=%g", "value=%zz").body, HasSubstr(R"("cause":"invalid URL escape \"%zz\"")"));
  EXPECT_THAT(put("/keys/a", "%4").body, HasSubstr(R"("cause":"invalid URL escape \"%4\"")"));
  EXPECT_THAT(put("/keys/a", "%zz=1&a;b").body, HasSubstr("invalid semicolon"));
  EXPECT_THAT(put("/keys/a", "v=%\xff\n").body, HasSubstr(R"("cause":"invalid URL escape \"%\\xff\\n\"")"));
}

TEST_F(NodeTest, TakesAValueOfAMegabyte) {
  const std::string value(1 << 20, 'v');
  EXPECT_EQ(put("/keys/a", "value=" + value).status, 201);
  EXPECT_THAT(get("/keys/a").body, HasSubstr(value));
}

TEST_F(NodeTest, CleansThePathAndKeepsTheQuery) {
  const auto location = [&](const std::string& target) {
    const Response response = get(target);
    EXPECT_EQ(response.status, 301) << target;
    const std::string* header = find_header(response.headers, "Location");
    return header ? *header : "";
  };
  EXPECT_EQ(location("/keys//a?value=%zz"), "/keys/a?value=%zz");
  EXPECT_EQ(location("/keys/a%2F%2Fb"), "/keys/a/b");
  EXPECT_EQ(location("/keys/%2e%2e/keys/x/"), "/keys/x/");
  EXPECT_EQ(location("/../../keys/./a%20%3Fb"), "/keys/a%20%3Fb");
  EXPECT_THAT(get("/keys//<a>").body, Not(HasSubstr("<a>")));
}

TEST_F(NodeTest, AnswersATargetThatIsNoPathWith400) {
  for (const std::string target : {"", "keys/a", "/keys/%", "/keys/%zz", "/keys/a\n", "/keys/a?b=\x01", "*"}) {
    EXPECT_EQ(get(target).status, 400) << target;
  }
  EXPECT_EQ(node.handle({"OPTIONS", "*", {}, {}, {}}).status, 200);
}

TEST_F(NodeTest, ChangesNothingWhenItRefuses) {
  put("/keys/f", "value=1");
  put("/keys/d/x", "value=1");
  const NodeStatistics before = node.statistics();
  for (const std::string form : {"ttl=x", "ttl=99999999999999999999", "prevIndex=-1", "dir=2", "prevValue=", "wait=1",
                                 "prevExists=", "prevExists=0", "prevValue=2", "prevIndex=9", "value=%", "a;b"}) {
    EXPECT_GE(put("/keys/f", form).status, 400) << form;
  }
  for (const std::string target : {"/keys/f/below/it", "/keys", "/keys/d"}) {
    EXPECT_GE(put(target, "value=1").status, 400) << target;
  }
  for (const std::string target : {"/keys/d", "/keys/d?dir=1", "/keys", "/keys/f?prevValue=2", "/keys/f?wait=1"}) {
    EXPECT_GE(remove(target).status, 400) << target;
  }
  EXPECT_EQ(node.statistics().index, before.index);
  EXPECT_EQ(node.statistics().keys, before.keys);
}

TEST_F(NodeTest, RefusesOversizedTargetsKeysAndForms) {
  const NodeStatistics before = node.statistics();
  EXPECT_EQ(get("/keys/a?recursive=false&x=" + std::string(1 << 20, 'a')).status, 414);
  EXPECT_EQ(put("/keys/" + std::string(4 << 10, 'a'), "value=1").status, 414);
  EXPECT_EQ(get("/keys/" + std::string((4 << 10) - 1, 'a')).status, 404);
  const Response large = put("/keys/a", "value=" + std::string(10 << 20, 'v'));
  EXPECT_EQ(large.status, 400);
  EXPECT_THAT(large.body, HasSubstr(R"("errorCode":210,"message":"Invalid POST form","cause":"http: POST too large")"));
  EXPECT_EQ(node.statistics().keys, before.keys);
}

TEST_F(DeepNodeTest, HoldsKeysAsDeepAsTheyMayBeLong) {
  const auto deep = [](int depth) {
    std::string target = "/keys";
    for (; depth > 0; --depth) target += "/a";
    return target;
  };
  EXPECT_EQ(put(deep(30'000), "value=1").status, 201);
  EXPECT_EQ(node.statistics().keys, 30'000U + 4);
  const auto reply = watch(deep(30'000) + "?wait=true");
  EXPECT_EQ(remove("/keys/a?recursive=true").status, 200);
  EXPECT_EQ(reply->ends, 1);
  EXPECT_EQ(node.statistics().keys, 4U);

  EXPECT_EQ(put(deep(3'000), "value=1").status, 201);
  const std::string listing = get("/keys?recursive=true&sorted=true").body;
  EXPECT_THAT(listing, HasSubstr(R"(/a/a","value":"1","modifiedIndex":5,"createdIndex":5}],)"));
  EXPECT_EQ(std::count(listing.begin(), listing.end(), '['), 3'000);
  EXPECT_EQ(std::count(listing.begin(), listing.end(), ']'), 3'000);
}

TEST_F(NodeTest, OpensAWatchAtOnceAndEndsItWithTheEvent) {
  const auto reply = watch("/keys/a?wait=true");
  EXPECT_TRUE(reply->open);
  EXPECT_EQ(reply->response.status, 200);
  EXPECT_EQ(find_header(reply->response.headers, "X-Deimos-Index"), nullptr);
  EXPECT_NE(ticket, 0U);
  put("/keys/b", "value=1");
  EXPECT_THAT(reply->parts, IsEmpty());
  const Response written = put("/keys/a", "value=1");
  EXPECT_THAT(reply->parts, ElementsAre(written.body));
  EXPECT_FALSE(reply->open);
  EXPECT_EQ(node.statistics().watchers, 0U);
}

TEST_F(NodeTest, StreamsThePastAndThenWhatComes) {
  put("/keys/d/1", "value=1");
  put("/keys/d/_2", "value=2");
  put("/keys/d/3", "value=3");
  const auto reply = watch("/keys/d?wait=true&recursive=true&stream=true&waitIndex=1");
  ASSERT_EQ(reply->parts.size(), 3U) << "hidden keys are told from the past";
  put("/keys/d/_2", "value=live");
  put("/keys/d/4", "value=4");
  ASSERT_EQ(reply->parts.size(), 4U) << "and not when live";
  EXPECT_THAT(reply->parts[0], HasSubstr("/d/1"));
  EXPECT_THAT(reply->parts[1], HasSubstr("/d/_2"));
  EXPECT_THAT(reply->parts[2], HasSubstr("/d/3"));
  EXPECT_THAT(reply->parts[3], HasSubstr("/d/4"));
  EXPECT_TRUE(reply->open);
}

TEST(Node, DropsAStreamThatNobodyReads) {
  Node node({.limits = {.watch_backlog = 3}});
  const auto reply = std::make_shared<RecordedReply>();
  reply->stuck = true;
  node.handle({"GET", "/keys/a?wait=true&stream=true", {}, {}, {}}, reply);
  for (int write = 0; write < 10; ++write) EXPECT_LE(node.handle({"PUT", "/keys/a", {}, {}, {}}).status, 201);
  EXPECT_EQ(reply->parts.size(), 3U);
  EXPECT_EQ(reply->ends, 1);
  EXPECT_EQ(node.statistics().watchers, 0U);
}

TEST_F(NodeTest, EndsAWatchWithoutAnEventAfterFiveMinutes) {
  const auto reply = watch("/keys/a?wait=true&stream=true");
  node.advance(5min - 1ns);
  EXPECT_TRUE(reply->open);
  node.advance(1ns);
  EXPECT_FALSE(reply->open);
  EXPECT_EQ(reply->response.body, "");
  EXPECT_EQ(node.statistics().watchers, 0U);
  put("/keys/a", "value=1");
  EXPECT_EQ(reply->ends, 1);
}

TEST_F(NodeTest, FreesAWatchThatIsAbandoned) {
  const auto reply = watch("/keys/a?wait=true");
  node.abandon(ticket);
  node.abandon(ticket);
  node.abandon(12345);
  EXPECT_EQ(node.statistics().watchers, 0U);
  EXPECT_EQ(reply.use_count(), 1);
  put("/keys/a", "value=1");
  EXPECT_THAT(reply->parts, IsEmpty());
  EXPECT_EQ(reply->ends, 0);
}

TEST_F(NodeTest, AnswersAWatchThatWillNotWaitWithWhatIsThere) {
  EXPECT_EQ(get("/keys/a?wait=true").body, "");
  EXPECT_EQ(node.statistics().watchers, 0U);
  put("/keys/a", "value=1");
  EXPECT_THAT(get("/keys/a?wait=true&waitIndex=3").body, StartsWith(R"({"action":"set")"));
}

TEST_F(NodeTest, EndsEveryWatchWhenItIsClosedAndRefusesRequests) {
  const auto first = watch("/keys/a?wait=true");
  const auto second = watch("/keys/b?wait=true&stream=true");
  node.close();
  node.close();
  EXPECT_EQ(first->ends, 1);
  EXPECT_EQ(second->ends, 1);
  EXPECT_EQ(get("/keys/a").status, 503);
  EXPECT_EQ(node.statistics().watchers, 0U);
}

TEST(Node, WorksByAClockThatOthersMove) {
  ManualClock clock;
  Node node({.clock = &clock});
  EXPECT_THROW(node.advance(1s), std::logic_error);
  ASSERT_EQ(node.handle({"PUT", "/keys/a", {}, "ttl=1", form_type}).status, 201);
  const auto reply = std::make_shared<RecordedReply>();
  node.handle({"GET", "/keys/a?wait=true", {}, {}, {}}, reply);
  while (reply->open && node.next_due() < ManualClock::epoch + 10s) {
    clock.set(node.next_due());
    node.run_due();
  }
  EXPECT_THAT(reply->response.body, StartsWith(R"({"action":"expire")"));
  EXPECT_EQ(node.now(), ManualClock::epoch + 1s);
}

TEST_F(NodeTest, RefusesToMoveItsClockBackOrBeyondItsEnd) {
  EXPECT_THROW(node.advance(-1ns), std::invalid_argument);
  EXPECT_THROW(node.advance(std::chrono::nanoseconds::max()), std::invalid_argument);
  EXPECT_EQ(node.now(), ManualClock::epoch);
  put("/keys/a", "ttl=7000000000");
  node.advance(24h * 365 * 236);
  EXPECT_EQ(get("/keys/a").status, 404);
}

TEST(Node, RefusesOptionsThatCannotWork) {
  EXPECT_THROW(Node({.sweep_interval = 0s}), std::invalid_argument);
  EXPECT_THROW(Node({.limits = {.watch_timeout = -1s}}), std::invalid_argument);
  EXPECT_THROW(Node({.limits = {.history_capacity = 0}}), std::invalid_argument);
}

TEST_F(NodeTest, ServesManyThreadsAtOnce) {
  constexpr int writes = 200;
  std::atomic<int> created = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (int write = 0; write < writes; ++write) {
          const std::string key = "/keys/t" + std::to_string(write);
          if (put(key, "prevExists=false&ttl=1").status == 201) ++created;
          const auto reply = std::make_shared<RecordedReply>();
          node.abandon(node.handle({"GET", key + "?wait=true", {}, {}, {}}, reply));
          get("/keys?recursive=true");
          if (thread == 0) node.run_due();
        }
      });
    }
  }
  EXPECT_EQ(created, writes);
  EXPECT_EQ(node.statistics().index, 2U + writes);
}

}  // namespace
}  // namespace deimos::fake

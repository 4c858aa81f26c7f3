#include "wire/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deimos/internal/rfc3339.h>
#include "wire/json_document.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr std::string_view minimal = R"({"action":"get","node":{"key":"/a","modifiedIndex":3,"createdIndex":2}})";

Result<Answer> read(std::string_view body, int status = 200) {
  return read_answer({.status = status, .headers = {}, .body = std::string(body)});
}

TEST(Error, WhatMayHaveBeenAppliedIsNotRetryable) {
  for (int code = 0; code < 2000; ++code) {
    const std::error_code error = make_error_code(static_cast<errc>(code));
    EXPECT_FALSE(error == condition::retryable && error == condition::outcome_unknown) << code;
  }
  EXPECT_TRUE(make_error_code(errc::leader_election) == condition::outcome_unknown);
}

TEST(Answer, HasEverythingTheStoreSaid) {
  const Response response{
      .status = 200,
      .headers = {{"x-deimos-index", "126"}, {"X-Raft-Index", "40"}, {"X-Raft-Term", "2"}, {"Date", "today"}},
      .body = R"({"action":"compareAndSwap","node":{"key":"/a","value":"\u003cb\u003e","expiration":)"
              R"("2026-11-21T01:45:47.886582369Z","ttl":-3,"modifiedIndex":126,"createdIndex":122},"prevNode":)"
              R"({"key":"/a","value":"","modifiedIndex":122,"createdIndex":122}})"
              "\n"};
  const Answer answer = read_answer(response).value();
  EXPECT_EQ(answer.action, Action::compare_and_swap);
  EXPECT_EQ(answer.index, 126U);
  EXPECT_EQ(answer.raft_index, 40U);
  EXPECT_EQ(answer.raft_term, 2U);
  EXPECT_EQ(*find_header(answer.headers, "date"), "today");
  EXPECT_EQ(answer.node.value, "<b>");
  EXPECT_EQ(answer.node.ttl, -3s);
  EXPECT_EQ(answer.node.modified_index, 126U);
  EXPECT_EQ(answer.node.created_index, 122U);
  using std::chrono::sys_days;
  EXPECT_EQ(answer.node.expiration, sys_days(std::chrono::year(2026) / 11 / 21) + 1h + 45min + 47s + 886582369ns);
  ASSERT_TRUE(answer.prev_node);
  EXPECT_EQ(answer.prev_node->value, "");
  EXPECT_FALSE(answer.prev_node->ttl);
}

TEST(Answer, HasTheTreeBelowADirectory) {
  const Answer answer =
      read(R"({"action":"get","node":{"key":"/","dir":true,"nodes":[{"key":"/d","dir":true,"nodes":[{"key":"/d/f",)"
           R"("value":"1","modifiedIndex":4,"createdIndex":4}],"modifiedIndex":3,"createdIndex":3},{"key":"/e",)"
           R"("value":"2","modifiedIndex":5,"createdIndex":5}],"modifiedIndex":0,"createdIndex":0}})")
          .value();
  ASSERT_EQ(answer.node.children.size(), 2U);
  EXPECT_TRUE(answer.node.children[0].dir);
  ASSERT_EQ(answer.node.children[0].children.size(), 1U);
  EXPECT_EQ(answer.node.children[0].children[0].key, "/d/f");
  EXPECT_EQ(answer.node.children[1].value, "2");
}

TEST(Answer, KnowsEveryActionByItsName) {
  for (const Action action : {Action::get, Action::create, Action::set, Action::update, Action::remove,
                              Action::compare_and_swap, Action::compare_and_delete, Action::expire}) {
    std::string body(minimal);
    body.replace(body.find("get"), 3, to_string(action));
    EXPECT_EQ(read(body).value().action, action) << body;
  }
}

TEST(Answer, SkipsFieldsItDoesNotKnow) {
  const auto answer =
      read(R"({"new":{"a":[{"key":1}],"key":2},"action":"get","more":[1,[2.5,null]],)"
           R"("node":{"key":"/a","x":{"value":3},"modifiedIndex":3,"createdIndex":2,"y":[]},"z":null})");
  EXPECT_EQ(answer.value().node.key, "/a");
  EXPECT_FALSE(answer.value().node.value);
}

TEST(Answer, TakesTheZeroInstantForNone) {
  const auto answer = read(R"({"action":"get","node":{"key":"/a","expiration":"0001-01-01T00:00:00Z",)"
                           R"("modifiedIndex":3,"createdIndex":2}})");
  EXPECT_FALSE(answer.value().node.expiration);
}

TEST(Answer, KeepsNumbersToTheLastOf64Bits) {
  const auto answer =
      read(R"({"action":"get","node":{"key":"/a","modifiedIndex":18446744073709551615,"createdIndex":0}})");
  EXPECT_EQ(answer.value().node.modified_index, 18446744073709551615U);
}

TEST(Refusal, IsReadFromTheFirstLine) {
  const auto answer = read(
      "{\"errorCode\":101,\"message\":\"Compare failed\",\"cause\":\"[a != b]\",\"index\":9}\nInternal Server Error\n",
      412);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, errc::compare_failed);
  EXPECT_EQ(answer.error().message, "Compare failed");
  EXPECT_EQ(answer.error().cause, "[a != b]");
  EXPECT_EQ(answer.error().index, 9U);
}

struct Bad {
  const char* what;
  int status;
  std::string body;
  const char* said;
};

class NotDeimos : public ::testing::TestWithParam<Bad> {};

TEST_P(NotDeimos, IsAProtocolErrorThatSaysWhatIsWrong) {
  const auto answer = read(GetParam().body, GetParam().status);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, errc::protocol_error);
  EXPECT_THAT(answer.error().message, HasSubstr(GetParam().said));
  EXPECT_LT(answer.error().describe().size(), 400U);
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  while (times-- > 0) all += text;
  return all;
}

INSTANTIATE_TEST_SUITE_P(
    Answers, NotDeimos,
    ::testing::Values(
        Bad{"empty", 200, "", "not JSON"}, Bad{"html", 200, "<html>\n<h1>502</h1></html>", "not JSON"},
        Bad{"html_error", 502, "<html><h1>Bad Gateway</h1></html>", "no error object"},
        Bad{"plain_error", 404, "404 page not found\n", "no error object"},
        Bad{"quorum", 500, "Internal Server Error\nInternal Server Error\n", "no error object"},
        Bad{"redirect", 301, "", "301"}, Bad{"accepted", 202, std::string(minimal), "202"},
        Bad{"negative_status", -1, "", "-1"}, Bad{"truncated", 200, std::string(minimal.substr(0, 40)), "broken off"},
        Bad{"twice", 200, std::string(minimal) + std::string(minimal), "not JSON"}, Bad{"array", 200, "[]", "an array"},
        Bad{"string", 200, "\"node\"", "a string"}, Bad{"null", 200, "null", "null"},
        Bad{"no_action", 200, R"({"node":{"key":"/a","modifiedIndex":3,"createdIndex":2}})", "lacks `action`"},
        Bad{"strange_action", 200, R"({"action":"eat","node":{"key":"/a","modifiedIndex":3,"createdIndex":2}})",
            "`action` is unknown"},
        Bad{"no_node", 200, R"({"action":"get"})", "lacks `action` or `node`"},
        Bad{"no_key", 200, R"({"action":"get","node":{"modifiedIndex":3,"createdIndex":2}})", "lacks `key`"},
        Bad{"no_index", 200, R"({"action":"get","node":{"key":"/a","createdIndex":2}})", "lacks `key`"},
        Bad{"node_is_text", 200, R"({"action":"get","node":"/a"})", "`node` is a string"},
        Bad{"node_is_list", 200, R"({"action":"get","node":[]})", "an array"},
        Bad{"value_is_number", 200, R"({"action":"get","node":{"key":"/a","value":1}})", "`value` is a number"},
        Bad{"value_is_null", 200, R"({"action":"get","node":{"key":"/a","value":null}})", "`value` is null"},
        Bad{"dir_is_text", 200, R"({"action":"get","node":{"key":"/a","dir":"true"}})", "`dir` is a string"},
        Bad{"index_is_text", 200, R"({"action":"get","node":{"key":"/a","modifiedIndex":"3"}})", "is a string"},
        Bad{"index_is_negative", 200, R"({"action":"get","node":{"key":"/a","modifiedIndex":-3}})", "negative"},
        Bad{"index_is_fraction", 200, R"({"action":"get","node":{"key":"/a","modifiedIndex":3.0}})", "fraction"},
        Bad{"index_is_huge", 200, R"({"action":"get","node":{"key":"/a","modifiedIndex":18446744073709551616}})",
            "fraction"},
        Bad{"index_beyond_doubles", 200, R"({"action":"get","node":{"key":"/a","modifiedIndex":1e999}})", "JSON"},
        Bad{"ttl_is_huge", 200, R"({"action":"get","node":{"key":"/a","ttl":9223372036854775808}})", "too large"},
        Bad{"no_instant", 200, R"({"action":"get","node":{"key":"/a","expiration":"soon"}})", "RFC 3339"},
        Bad{"key_twice", 200, R"({"action":"get","node":{"key":"/a","key":"/b","modifiedIndex":3,"createdIndex":2}})",
            "`key` is given twice"},
        Bad{"node_twice", 200, std::string(minimal.substr(0, minimal.size() - 1)) + R"(,"node":{}})",
            "`node` is given twice"},
        Bad{"child_is_number", 200,
            R"({"action":"get","node":{"key":"/a","nodes":[{"key":"/a/b","modifiedIndex":1,"createdIndex":1},5]}})",
            "an element of `nodes` is a number"},
        Bad{"invalid_utf8", 200, "{\"action\":\"get\xff\"}", "not JSON"},
        Bad{"deep_arrays", 200, "{\"x\":" + std::string(300'000, '['), "nested deeper"},
        Bad{"deep_objects", 200, repeated("{\"x\":", 300'000), "nested deeper"},
        Bad{"deep_nodes", 200, "{\"node\":" + repeated("{\"nodes\":[", 100'000), "nested deeper"},
        Bad{"no_code", 400, "{\"message\":\"m\"}\n", "lacks `errorCode`"},
        Bad{"unknown_code", 400, "{\"errorCode\":999,\"message\":\"m\"}\n", "999"},
        Bad{"huge_code", 400, "{\"errorCode\":4294967396}\n", "4294967396"},
        Bad{"code_of_ours", 400, "{\"errorCode\":1003}\n", "1003"},
        Bad{"code_is_text", 400, "{\"errorCode\":\"100\"}\n", "is a string"}),
    [](const auto& test) { return test.param.what; });

TEST(Machines, AreReadAsCanonicalUrls) {
  const auto urls =
      read_machines({.status = 200, .headers = {}, .body = "http://a:4001, HTTP://B:4002/,http://a:4001"});
  EXPECT_EQ(urls.value(), (std::vector<std::string>{"http://a:4001", "http://b:4002"}));
}

TEST(Machines, AreRefusedIfTheyCannotBe) {
  for (const char* body : {"", ", ,", "a:4001", "http://", "http://a:4001 http://b", "http://a:0", "<html></html>"}) {
    const auto urls = read_machines({.status = 200, .headers = {}, .body = body});
    ASSERT_FALSE(urls) << body;
    EXPECT_EQ(urls.error().code, errc::protocol_error);
  }
  EXPECT_FALSE(read_machines({.status = 404, .headers = {}, .body = "http://a:4001"}));
}

TEST(Rfc3339, ReadsInstantsOfAnyOffset) {
  const auto noon = std::chrono::sys_days(std::chrono::year(2026) / 2 / 28) + 12h;
  EXPECT_EQ(internal::parse_rfc3339("2026-02-28T12:00:00Z"), noon);
  EXPECT_EQ(internal::parse_rfc3339("2026-02-28T13:30:00+01:30"), noon);
  EXPECT_EQ(internal::parse_rfc3339("2026-02-28T10:00:00-02:00"), noon);
  EXPECT_EQ(internal::parse_rfc3339("2026-02-28T12:00:00.5Z"), noon + 500ms);
  EXPECT_EQ(internal::parse_rfc3339("2026-02-28T12:00:00.0000000019Z"), noon + 1ns);
  EXPECT_EQ(internal::parse_rfc3339("9999-12-31T23:59:59Z"), std::chrono::sys_time<Duration>::max());
}

TEST(Rfc3339, RefusesEverythingElse) {
  for (const char* text :
       {"", "2026", "2026-02-30T12:00:00Z", "2026-02-28 12:00:00Z", "2026-02-28T24:00:00Z", "2026-02-28T12:00:00",
        "2026-02-28T12:00:00.Z", "2026-02-28T12:00:00Z!", "-026-02-28T12:00:00Z", "2026-02-28T12:00:00+1:00"}) {
    EXPECT_FALSE(internal::parse_rfc3339(text)) << text;
  }
}

}  // namespace
}  // namespace deimos

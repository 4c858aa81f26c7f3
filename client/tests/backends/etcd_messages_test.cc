// What etcd's gateway says, and what a stranger in its place may say.
#include "backends/etcd/etcd_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include <nlohmann/json.hpp>

#include "wire/base64.h"

namespace deimos::etcd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string header = R"("header":{"cluster_id":"1","member_id":"2","revision":"7","raft_term":"3"})";

TEST(EtcdMessages, TransactionIsWrittenAsTheGatewayReadsIt) {
  const Txn txn = Txn().if_absent("/a").then_put("/a", "v", 5).otherwise().then_range("/a");
  const auto json = nlohmann::json::parse(txn.json());
  EXPECT_EQ(json["compare"][0]["target"], "CREATE");
  EXPECT_EQ(json["compare"][0]["key"], encode_base64("/a"));
  EXPECT_EQ(json["success"][0]["request_put"]["value"], encode_base64("v"));
  EXPECT_EQ(json["success"][0]["request_put"]["lease"], "5");
  EXPECT_EQ(json["failure"][0]["request_range"]["key"], encode_base64("/a"));
  EXPECT_FALSE(txn.only_reads());
  EXPECT_TRUE(Txn().then_range("/a").only_reads());
  EXPECT_FALSE(Txn().then_txn(Txn().then_remove("/a")).only_reads());
}

TEST(EtcdMessages, BranchesAreKeptApart) {
  const Txn txn = Txn().if_none_below("/q/").otherwise().then_range("/q").if_so().then_put("/q/1", "v", 5);
  const auto json = nlohmann::json::parse(txn.json());
  EXPECT_THAT(json["success"], SizeIs(1));
  EXPECT_THAT(json["failure"], SizeIs(1));
  EXPECT_EQ(json["compare"][0]["range_end"], encode_base64("/q0"));
}

TEST(EtcdMessages, AnswerToATransactionIsRead) {
  const auto answer = read_txn("{" + header + R"(,"succeeded":true,"responses":[
      {"response_put":{"header":{"revision":"7"}}},
      {"response_range":{"kvs":[{"key":"L2E=","create_revision":"3","mod_revision":"5","version":"2","value":"dg==","lease":"9"}]}},
      {"response_txn":{"succeeded":true}}]})");
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->revision, 7U);
  EXPECT_TRUE(answer->succeeded);
  ASSERT_THAT(answer->found, SizeIs(3));
  EXPECT_THAT(answer->found[0], IsEmpty());
  ASSERT_THAT(answer->found[1], SizeIs(1));
  EXPECT_EQ(answer->found[1][0].key, "/a");
  EXPECT_EQ(answer->found[1][0].value, "v");
  EXPECT_EQ(answer->found[1][0].create_revision, 3U);
  EXPECT_EQ(answer->found[1][0].mod_revision, 5U);
  EXPECT_EQ(answer->found[1][0].lease, 9);
  EXPECT_THAT(answer->nested_succeeded, ElementsAre(false, false, true));
}

TEST(EtcdMessages, NumbersMayBeTextOrNumbersAndNothingElse) {
  EXPECT_TRUE(read_txn(R"({"header":{"revision":7}})"));
  for (const char* number : {R"("7x")", R"("")", "7.5", "true", "[]", "{}", R"("99999999999999999999")", "-1",
                             "18446744073709551615", R"(" 7")"}) {
    EXPECT_FALSE(read_txn(std::string(R"({"header":{"revision":)") + number + "}}")) << number;
  }
}

TEST(EtcdMessages, WhatIsNotAsItMustBeIsRefusedAndNamed) {
  const auto refusal = [](std::string_view body) {
    const auto answer = read_txn(body);
    return answer ? std::string("it was taken") : answer.error();
  };
  EXPECT_THAT(refusal(""), HasSubstr("broken off"));
  EXPECT_THAT(refusal("[]"), HasSubstr("no JSON object"));
  EXPECT_THAT(refusal("{}"), HasSubstr("lacks `header`"));
  EXPECT_THAT(refusal(R"({"header":7})"), HasSubstr("`header` is no object"));
  EXPECT_THAT(refusal("{" + header + R"(,"succeeded":"yes"})"), HasSubstr("`succeeded`"));
  EXPECT_THAT(refusal("{" + header + R"(,"responses":{}})"), HasSubstr("`responses` is no array"));
  EXPECT_THAT(refusal("{" + header + R"(,"responses":[7]})"), HasSubstr("a response is no object"));
  const auto with_pair = [&](const std::string& pair) {
    return refusal("{" + header + R"(,"responses":[{"response_range":{"kvs":[)" + pair + "]}}]}");
  };
  EXPECT_THAT(with_pair("7"), HasSubstr("a key-value pair is no object"));
  EXPECT_THAT(with_pair(R"({"mod_revision":"1"})"), HasSubstr("lacks `key`"));
  EXPECT_THAT(with_pair(R"({"key":"?","mod_revision":"1"})"), HasSubstr("no base64"));
  EXPECT_THAT(with_pair(R"({"key":"L2E","mod_revision":"1"})"), HasSubstr("no base64"));
  EXPECT_THAT(with_pair(R"({"key":"L2E=","mod_revision":"-1"})"), HasSubstr("negative"));
}

TEST(EtcdMessages, EveryBrokenOffAnswerIsRefused) {
  const std::string whole =
      "{" + header + R"(,"responses":[{"response_range":{"kvs":[{"key":"L2E=","mod_revision":"5"}]}}]})";
  ASSERT_TRUE(read_txn(whole));
  for (std::size_t length = 0; length < whole.size(); ++length) EXPECT_FALSE(read_txn(whole.substr(0, length)));
}

TEST(EtcdMessages, DepthIsBounded) {
  for (const std::string& opening : {std::string("["), std::string(R"({"a":)")}) {
    std::string deep = R"({"x":)";
    for (int i = 0; i < 100'000; ++i) deep += opening;
    const auto answer = read_txn(deep);
    ASSERT_FALSE(answer);
    EXPECT_THAT(answer.error(), HasSubstr("nested deeper"));
  }
}

TEST(EtcdMessages, LeasesAreRead) {
  const auto kept = read_lease(R"({"result":{)" + header + R"(,"ID":"5","TTL":"10"}})" + "\n", true);
  ASSERT_TRUE(kept) << kept.error();
  EXPECT_EQ(kept->ttl, 10);
  const auto over = read_lease(R"({"result":{)" + header + R"(,"ID":"5"}})" + "\n", true);
  ASSERT_TRUE(over) << over.error();
  EXPECT_EQ(over->ttl, 0);
  const auto left = read_lease("{" + header + R"(,"ID":"5","TTL":"-1","keys":["L2E=","L2I="]})", false);
  ASSERT_TRUE(left) << left.error();
  EXPECT_EQ(left->ttl, -1);
  EXPECT_THAT(left->keys, ElementsAre("/a", "/b"));
  EXPECT_FALSE(read_lease(R"({"error":{"message":"x"}})", true));
  EXPECT_FALSE(read_lease("{" + header + R"(,"keys":[7]})", false));
}

TEST(EtcdMessages, WatchSaysNothingUntilAWholeLineHasEvents) {
  const std::string created = R"({"result":{)" + header + R"(,"created":true}})" + "\n";
  const std::string progress = R"({"result":{)" + header + "}}\n";
  const std::string events = R"({"result":{)" + header +
                             R"(,"events":[{"kv":{"key":"L2E=","mod_revision":"8","value":"dg=="}},)" +
                             R"({"type":"DELETE","kv":{"key":"L2E=","mod_revision":"9"}}]}})";
  EXPECT_FALSE(read_watch("")->says_anything());
  EXPECT_FALSE(read_watch(created + progress)->says_anything());
  EXPECT_FALSE(read_watch(created + events)->says_anything()) << "its line is not complete";
  const auto answer = read_watch(created + progress + events + "\n{broken");
  ASSERT_TRUE(answer) << answer.error();
  ASSERT_THAT(answer->events, SizeIs(2));
  EXPECT_FALSE(answer->events[0].removed);
  EXPECT_EQ(answer->events[0].pair.value, "v");
  EXPECT_TRUE(answer->events[1].removed);
  EXPECT_EQ(answer->events[1].pair.mod_revision, 9U);
}

TEST(EtcdMessages, WatchSaysWhyItEnded) {
  EXPECT_EQ(read_watch(R"({"result":{"header":{},"canceled":true,"compact_revision":"3"}})"
                       "\n")
                ->compact_revision,
            3U);
  EXPECT_EQ(read_watch(R"({"result":{"canceled":true,"cancel_reason":"because"}})"
                       "\n")
                ->problem,
            "because");
  EXPECT_EQ(read_watch(R"({"error":{"grpc_code":14,"message":"etcdserver: no leader"}})"
                       "\n")
                ->problem,
            "etcdserver: no leader");
  EXPECT_FALSE(read_watch("nonsense\n"));
  EXPECT_FALSE(read_watch(R"({"result":{"events":[{}]}})"
                          "\n"));
  EXPECT_FALSE(read_watch(R"({"result":{"events":[{"type":"NEW","kv":{"key":"L2E=","mod_revision":"9"}}]}})"
                          "\n"));
}

TEST(EtcdMessages, RefusalsOfOldAndNewGatewaysAreRead) {
  EXPECT_EQ(read_refusal(R"({"error":"etcdserver: x","message":"etcdserver: x","code":5})").message, "etcdserver: x");
  EXPECT_EQ(read_refusal(R"({"code":5,"message":"y","details":[]})").code, 5);
  EXPECT_EQ(read_refusal(R"({"error":{"grpc_code":14,"http_code":503,"message":"z"}})").message, "z");
  EXPECT_EQ(read_refusal("<html>").message, "");
  EXPECT_EQ(read_refusal(R"({"message":7})").message, "");
}

TEST(EtcdMessages, VersionAndTokenAreRead) {
  EXPECT_EQ(read_version(R"({"etcdserver":"3.4.23","etcdcluster":"3.4.0"})").value(), "3.4.23");
  EXPECT_FALSE(read_version("etcd 0.4.6"));
  EXPECT_FALSE(read_version(R"({"releaseVersion":"x"})"));
  EXPECT_EQ(read_token(R"({"token":"a.1"})").value(), "a.1");
  EXPECT_FALSE(read_token(R"({"token":"a\r\nX: y"})")) << "it would become a header of ours";
}

TEST(Base64, IsWhatItWasAfterwards) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(decode_base64(encode_base64(bytes)), bytes);
    bytes.push_back(static_cast<char>(i * 7));
  }
  for (const char* bad : {"A", "AA", "AAA", "A===", "====", "AA=A", "AAA=AAAA", "AAB=", "AA\n=", "AA A", "AAA\xff"}) {
    EXPECT_FALSE(decode_base64(bad)) << bad;
  }
}

}  // namespace
}  // namespace deimos::etcd

#include <deimos/testkit/operation_history.h>

#include <chrono>
#include <sstream>

#include <gmock/gmock.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using Kind = Operation::Kind;
using Outcome = Operation::Outcome;
using ::testing::HasSubstr;

OperationHistory read(const std::string& text) {
  std::istringstream in(text);
  return OperationHistory::read(in, "run.jsonl");
}

std::string error_of(const std::string& text) {
  try {
    static_cast<void>(read(text));
  } catch (const HistoryError& error) {
    return error.what();
  }
  return "no error";
}

constexpr const char* call = R"({"process":1,"type":"invoke","op":"write","key":"x","value":"a","time":1})";

TEST(OperationHistory, IsReadAsItWasWritten) {
  OperationHistory history;
  const auto swap = history.call(1, Kind::compare_and_swap, "x", "b", 1ns, "a");
  const auto lost = history.call(2, Kind::write, "x", "c", 2ns);
  history.finish(lost, Outcome::unknown, 3ns);
  history.finish(swap, Outcome::failed, 4ns);
  const auto seen = history.call(1, Kind::read, "y", {}, 4ns);
  history.finish(seen, Outcome::ok, 5ns, "z");
  history.call(1, Kind::write, "y", {}, 6ns);

  std::ostringstream out;
  history.write(out);
  std::ostringstream again;
  read(out.str()).write(again);
  EXPECT_EQ(again.str(), out.str());
  EXPECT_THAT(out.str(), HasSubstr(R"({"process":1,"type":"invoke","op":"cas","key":"x","value":["a","b"],"time":1})"));
  EXPECT_THAT(out.str(), HasSubstr(R"({"process":2,"type":"info","op":"write","key":"x","value":"c","time":3})"));
  EXPECT_THAT(out.str(), HasSubstr(R"({"process":1,"type":"ok","op":"read","key":"y","value":"z","time":5})"));
  ASSERT_EQ(read(out.str()).operations().size(), 4U);
  EXPECT_EQ(read(out.str()).operations()[3].outcome, Outcome::pending);
}

TEST(OperationHistory, ValuesMayBeAnyJson) {
  const OperationHistory history = read(
      "{\"process\":1,\"type\":\"invoke\",\"op\":\"read\",\"key\":7,\"time\":1}\n\n"
      "{\"process\":1,\"type\":\"ok\",\"op\":\"read\",\"key\":7,\"value\":[1, {\"a\": 2}],\"time\":1}\n");
  ASSERT_EQ(history.operations().size(), 1U);
  EXPECT_EQ(history.operations()[0].key, "7");
  EXPECT_EQ(history.operations()[0].value, R"([1,{"a":2}])");
}

TEST(OperationHistory, NamesTheLineThatIsWrong) {
  const std::string first = std::string(call) + "\n";
  EXPECT_THAT(error_of(first + R"({"process":1,"type":"ok","op":"wri)"), HasSubstr("run.jsonl:2: no JSON"));
  EXPECT_THAT(error_of("[1]"), HasSubstr("run.jsonl:1: not a JSON object"));
  EXPECT_THAT(error_of(R"({"type":"ok"})"), HasSubstr("process is missing"));
  EXPECT_THAT(error_of(R"({"process":1.5,"type":"ok"})"), HasSubstr("process must be a whole number"));
  EXPECT_THAT(error_of(R"({"process":1,"type":"done"})"), HasSubstr("type must be one of invoke, ok, fail, info"));
  EXPECT_THAT(error_of(R"({"process":1,"type":"invoke","op":"cas","key":"x","value":"a","time":1})"),
              HasSubstr("the value of a cas must be [from, to]"));
  EXPECT_THAT(error_of(R"({"process":1,"type":"invoke","op":"read","key":"x","time":18446744073709551615})"),
              HasSubstr("time must be a whole number"));
}

TEST(OperationHistory, RefusesWhatContradictsAnEarlierLine) {
  const std::string first = std::string(call) + "\n";
  const auto line = [](int process, const std::string& type, int time, const std::string& key = "x") {
    return R"({"process":)" + std::to_string(process) + R"(,"type":")" + type + R"(","op":"write","key":")" + key +
           R"(","value":"a","time":)" + std::to_string(time) + "}\n";
  };
  EXPECT_THAT(error_of(line(1, "ok", 1)), HasSubstr("run.jsonl:1: an outcome without a call"));
  EXPECT_THAT(error_of(first + line(1, "ok", 2) + line(1, "ok", 3)),
              HasSubstr("run.jsonl:3: an outcome without a call"));
  EXPECT_THAT(error_of(first + line(1, "invoke", 2)), HasSubstr("calls again before its last call returned"));
  EXPECT_THAT(error_of(first + line(1, "info", 2) + line(1, "invoke", 3)), HasSubstr("it needs a new number"));
  EXPECT_THAT(error_of(first + line(1, "ok", 0)), HasSubstr("time runs backwards, from 1 to 0"));
  EXPECT_THAT(error_of(first + line(1, "ok", 2, "y")), HasSubstr("the outcome of another operation"));
  EXPECT_EQ(error_of(first + line(1, "fail", 1) + line(1, "invoke", 1)), "no error");
}

TEST(OperationHistory, DescribesAnOperationInOneLine) {
  OperationHistory history;
  const auto id = history.call(3, Kind::write, "x", "7", 1250ms);
  EXPECT_EQ(history.operations()[id].describe(), "+1.250000000s  process 3  write x = 7  not answered");
  history.finish(id, Outcome::ok, 1252ms);
  EXPECT_EQ(history.operations()[id].describe(), "+1.250000000s  process 3  write x = 7  ok after 2ms");
}

}  // namespace
}  // namespace deimos::testkit

#include <deimos/fake/fault_json.h>

#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

namespace deimos::fake {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ns;
using testing::HasSubstr;

const Rule full_rule{
    "lost \"grant\"",
    {"wor?er", 2, "PUT", "/locks/**", "prevExists=false", 1, 0, 3, 0.25, 7},
    Answer{503, 0, "no\nway", "text/html", {{"X-Deimos-Index", "7"}, {"X-Other", "ä"}}},
};

/// One of each kind, no field of it as it is by default.
const std::vector<Fault>& every_fault() {
  static const std::vector<Fault> faults{
      Partition{{{1}, {2, 3}}},
      CutLink{1, 2},
      MendLink{2, 1},
      Isolate{3},
      Rejoin{3},
      Heal{},
      Lag{2, 5ms, 1500ms},
      Crash{1},
      Restart{1, true, 40s},
      Pause{2},
      Resume{2},
      SkewClock{1, -1500ms},
      StepClock{2, 7ns},
      SetClockRate{3, 0.1},
      ResetClock{3},
      SkipSweeps{60s},
      ExpireKey{"/locks/ä\"\n"},
      WipeHistory{1},
      ForgetWatchers{2, "/locks/*"},
      ChangeLeader{3},
      AddRule{full_rule},
      RemoveRules{"lost \"grant\""},
      Recover{},
  };
  return faults;
}

const std::vector<RuleAction>& every_action() {
  static const std::vector<RuleAction> actions{
      Pass{},
      Delay{1ms, 2ms, true},
      DropRequest{},
      DropAnswer{},
      Duplicate{3, 1ms, 1s},
      Reorder{250ms},
      Answer{201, 105, "cause", "application/json"},
      TruncateBody{17},
      CorruptBody{},
      ResetAfter{std::numeric_limits<std::size_t>::max()},
      RefuseConnection{},
      Count{},
  };
  return actions;
}

TEST(FaultJson, ReadsWhatItWroteOfEveryKind) {
  ASSERT_EQ(every_fault().size(), std::variant_size_v<Fault>);
  for (std::size_t kind = 0; kind < every_fault().size(); ++kind) {
    const Fault& fault = every_fault()[kind];
    ASSERT_EQ(fault.index(), kind);
    EXPECT_EQ(fault_from_json(to_json(fault)), fault) << to_json(fault);
  }
  ASSERT_EQ(every_action().size(), std::variant_size_v<RuleAction>);
  for (std::size_t kind = 0; kind < every_action().size(); ++kind) {
    const Rule rule{"", {}, every_action()[kind]};
    ASSERT_EQ(rule.action.index(), kind);
    EXPECT_EQ(rule_from_json(to_json(rule)), rule) << to_json(rule);
  }
}

TEST(FaultJson, NamesKindsAndFieldsAsTheyAreInCpp) {
  EXPECT_EQ(to_json(Partition{{{1}, {2, 3}}}), R"({"kind":"partition","groups":[[1],[2,3]]})");
  EXPECT_EQ(to_json(Lag{2, 5ms, 1500ms}), R"({"kind":"lag","node":2,"least":"5ms","most":"1.5s"})");
  EXPECT_EQ(to_json(SkewClock{1, -1500ms}), R"({"kind":"skew_clock","node":1,"offset":"-1.5s"})");
  EXPECT_EQ(to_json(full_rule),
            R"({"name":"lost \"grant\"","match":{"client":"wor?er","node":2,"method":"PUT","key":"/locks/**",)"
            R"("parameter":"prevExists=false","nth":1,"every":0,"times":3,"probability":0.25,"after":7},"action":)"
            R"({"kind":"answer","status":503,"error_code":0,"body":"no\nway","content_type":"text/html",)"
            R"("headers":{"X-Deimos-Index":"7","X-Other":"ä"}}})");
  for (const Fault& fault : every_fault()) {
    EXPECT_THAT(to_json(fault), HasSubstr("\"kind\":\"" + std::string(name_of(fault)) + "\""));
  }
}

TEST(FaultJson, LeavesOutWhatIsAsByDefault) {
  EXPECT_EQ(fault_from_json(R"("heal")"), Fault(Heal{}));
  EXPECT_EQ(fault_from_json(R"({"node": 2, "kind": "restart"})"), Fault(Restart{2, false}));
  EXPECT_EQ(rule_from_json(R"({"action": "drop_answer", "match": {"nth": 2}})"), (Rule{"", {.nth = 2}, DropAnswer{}}));
  EXPECT_EQ(rule_from_json("{}"), Rule{});
}

TEST(FaultJson, ReadsDurationsInEveryUnit) {
  const std::vector<std::pair<const char*, std::chrono::nanoseconds>> durations{
      {"0s", 0ns},           {"1h", std::chrono::hours(1)},
      {"1.5min", 90s},       {"+2s", 2s},
      {"-2.25s", -2250ms},   {"7us", 7000ns},
      {"0.000000001s", 1ns}, {"9223372036854775807ns", std::chrono::nanoseconds::max()},
  };
  for (const auto& [text, duration] : durations) {
    const std::string fault = std::string(R"({"kind": "step_clock", "by": ")") + text + "\"}";
    EXPECT_EQ(fault_from_json(fault), Fault(StepClock{0, duration})) << text;
  }
}

TEST(FaultJson, RefusesWhatIsNoDuration) {
  for (const char* text : {"\"\"", "5", "\"5\"", "\"s\"", "\".5s\"", "\"5.s\"", "\"1..2s\"", "\"1.2.3s\"", "\"5 s\"",
                           "\"5S\"", "\"--5s\"", "\"1.5ns\"", "\"0.0000000001s\"", "\"9223372036854775808ns\"",
                           "\"9223372037s\"", "\"99999999999999999999h\"", "\"1e3s\"", "null", "[]"}) {
    const std::string fault = std::string(R"({"kind": "step_clock", "by": )") + text + "}";
    try {
      (void)fault_from_json(fault);
      ADD_FAILURE() << text << " was taken";
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), HasSubstr("by: expected a duration with its unit")) << text;
    }
  }
}

TEST(FaultJson, SaysWhatIsWrongAndWhere) {
  const std::vector<std::pair<const char*, const char*>> bad{
      {"", "not JSON"},
      {"{", "not JSON"},
      {R"({"kind": "heal"} x)", "not JSON"},
      {R"({"kind": "set_clock_rate", "rate": 1e999})", "not JSON"},
      {"\"\xff\"", "not JSON"},
      {"7", "expected a kind"},
      {"{}", "expected a kind"},
      {R"({"kind": 1})", "expected a kind"},
      {R"("explode")", "there is no kind 'explode': there are partition, cut_link, "},
      {R"({"kind": "heal", "node": 1})", "'heal' has no field 'node': it has no fields"},
      {R"({"kind": "crash", "nodes": 1})", "'crash' has no field 'nodes': it has the fields node"},
      {R"({"kind": "crash", "node": 1, "node": 2})", "the field 'node' is there twice"},
      {R"({"kind": "crash", "node": "1"})", "node: expected a whole number from 0 to 4294967295"},
      {R"({"kind": "crash", "node": -1})", "node: expected a whole number"},
      {R"({"kind": "crash", "node": 4294967296})", "node: expected a whole number"},
      {R"({"kind": "crash", "node": 1.5})", "node: expected a whole number"},
      {R"({"kind": "restart", "node": 1, "from_snapshot": 1})", "from_snapshot: expected true or false"},
      {R"({"kind": "expire_key", "key": ["/a"]})", "key: expected a text"},
      {R"({"kind": "set_clock_rate", "rate": "2"})", "rate: expected a number"},
      {R"({"kind": "partition", "groups": {"1": 2}})", "groups: expected an array"},
      {R"({"kind": "partition", "groups": [[1], [2, true]]})", "groups[1][1]: expected a whole number"},
      {R"({"kind": "add_rule", "rule": {"match": {"nht": 1}}})",
       "rule.match: 'match' has no field 'nht': it has the f"},
      {R"({"kind": "add_rule", "rule": {"match": []}})", "rule.match: expected a match, as an object"},
      {R"({"kind": "add_rule", "rule": "drop_answer"})", "rule: expected a rule, as an object"},
      {R"({"kind": "add_rule", "rule": {"kind": "pass"}})", "rule: 'rule' has no field 'kind'"},
      {R"({"kind": "add_rule", "rule": {"action": "drop"}})", "rule.action: there is no kind 'drop': there are p"},
      {R"({"kind": "add_rule", "rule": {"action": {"kind": "answer", "headers": ["a"]}}})",
       "rule.action.headers: expected an object of texts"},
      {R"({"kind": "add_rule", "rule": {"action": {"kind": "answer", "headers": {"A": 1}}}})",
       "rule.action.headers.A: expected a text"},
      {R"({"kind": "add_rule", "rule": {"action": {"kind": "answer", "status": 3000000000}}})",
       "rule.action.status: expected a whole number from -2147483648 to 2147483647"},
  };
  for (const auto& [text, why] : bad) {
    try {
      (void)fault_from_json(text);
      ADD_FAILURE() << text << " was taken";
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), HasSubstr(why)) << text;
    }
  }
}

TEST(FaultJson, WritesBytesThatAreNoTextAsReplacementCharacters) {
  EXPECT_EQ(to_json(ExpireKey{"/\xff"}), "{\"kind\":\"expire_key\",\"key\":\"/\xEF\xBF\xBD\"}");
}

TEST(FaultJson, BearsDeepNesting) {
  std::string wide = R"({"kind": "heal")";
  for (int i = 0; i < 200'000; ++i) wide += ", \"f" + std::to_string(i) + "\": 1";
  EXPECT_THROW((void)fault_from_json(wide + "}"), std::invalid_argument);
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  EXPECT_THROW((void)fault_from_json(deep), std::invalid_argument);
  EXPECT_THROW((void)fault_from_json(R"({"kind": "partition", "groups": )" + deep + "}"), std::invalid_argument);
}

}  // namespace
}  // namespace deimos::fake

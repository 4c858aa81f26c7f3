#include <deimos/testkit/timeline.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <system_error>

#include <gmock/gmock.h>

#include <deimos/testkit/simulation.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Timeline small() {
  Timeline timeline{
      .title = "seed 7",
      .lanes = {"a", "b"},
      .spans = {{"a", 1s, 9s, "holds", "holds x, token 1", "lost"}, {"b", 8s, 12s, "holds", "holds x", ""}},
      .marks = {{"a", 2s, "request", "PUT /x"}, {"node1", 3s, "leader", "leads term 2"}},
      .end = 12s};
  timeline.violated = 8s;
  timeline.verdict = "a and b both hold x";
  return timeline;
}

TEST(TimelineText, IsInTheOrderOfTimeUpToTheViolation) {
  const std::string text = small().as_text();
  EXPECT_EQ(text,
            "seed 7\n"
            "+1.000000000s  a  holds x, token 1 until +9.000000000s (lost)\n"
            "+2.000000000s  a  request  PUT /x\n"
            "+3.000000000s  node1  leader  leads term 2\n"
            "+8.000000000s  b  holds x until +12.000000000s\n"
            ">>> +8.000000000s  a and b both hold x\n");
}

TEST(TimelineText, SaysWhatItLeavesOut) {
  Timeline timeline = small();
  timeline.marks.push_back({"b", 10s, "request", "late"});
  const std::string text = timeline.as_text(2);
  EXPECT_THAT(text, AllOf(HasSubstr("(2 earlier ones left out)"), HasSubstr("(1 later ones left out)"),
                          HasSubstr("leads term 2"), Not(HasSubstr("PUT /x")), Not(HasSubstr("late\n"))));
}

TEST(TimelineText, DrawsCallsBetweenProcessesAtBothEnds) {
  Simulation simulation({.seed = 1, .links = {.latency_min = 100ms, .latency_max = 100ms}});
  simulation.spawn("db", [](Process& process) {
    const Service service = process.serve("db", [&](const ServiceCall&) -> Result<std::string> {
      process.sleep(1s);
      return "done";
    });
    process.stand_by();
  });
  simulation.spawn("a", [](Process& process) {
    EXPECT_TRUE(process.call("db", "first", 5s));
    EXPECT_FALSE(process.call("db", "second", 500ms));
  });
  simulation.run();
  Timeline timeline;
  timeline.add(simulation.history());
  const std::string text = timeline.as_text();
  EXPECT_THAT(text,
              HasSubstr("+0.000000000s  a  calls #1 to db: first until +1.200000000s (answer #1 from db: ok done)\n"));
  EXPECT_THAT(text,
              HasSubstr("+0.100000000s  db  serves #1 from a: first until +1.100000000s (reply #1 to a: ok done)\n"));
  EXPECT_THAT(text, HasSubstr("+1.200000000s  a  calls #2 to db: second until +1.700000000s (unanswered #2 by db: "
                              "no answer by the deadline)\n"));
  EXPECT_THAT(text, HasSubstr("+1.300000000s  db  serves #2 from a: second until +1.700000000s (no end seen)\n"));
}

TEST(TimelineHtml, HasItsDataAndNeedsNoNetwork) {
  const std::string page = small().as_html();
  EXPECT_THAT(page, AllOf(HasSubstr(R"("lanes":["a","b","node1"])"), HasSubstr(R"("violated":8.0)"),
                          HasSubstr(R"("verdict":"a and b both hold x")"), HasSubstr(R"("left_out":0)")));
  EXPECT_THAT(page, AllOf(Not(HasSubstr("http://")), Not(HasSubstr("https://")), Not(HasSubstr("@data@"))));
}

TEST(TimelineHtml, DataCannotEndTheScript) {
  Timeline timeline = small();
  timeline.marks.push_back({"a", 4s, "request", "</script><script>alert(1)</script>\xff"});
  const std::string page = timeline.as_html();
  EXPECT_THAT(page, AllOf(Not(HasSubstr("</script><script>alert")), HasSubstr("\\u003c/script>")));
}

TEST(TimelineHtml, KeepsWhatIsNearTheViolationAndSaysHowMuchIsLeftOut) {
  Timeline timeline = small();
  for (int i = 0; i < 1000; ++i)
    timeline.marks.push_back({"a", i * 10ms, "request", "number " + std::to_string(i) + "."});
  const std::string page = timeline.as_html(100);
  EXPECT_THAT(page, AllOf(HasSubstr(R"("left_out":904)"), HasSubstr("number 800."), HasSubstr("number 760."),
                          Not(HasSubstr("number 10.")), HasSubstr("holds x, token 1")));
}

TEST(TimelineHtml, IsWrittenToAFile) {
  const std::string path = ::testing::TempDir() + "timeline.html";
  write_html(small(), path);
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  EXPECT_EQ(content.str(), small().as_html());
  EXPECT_THROW(write_html(small(), "/no/such/folder/timeline.html"), std::system_error);
}

TEST(Timeline, ShowsLocksFaultsAndEvents) {
  LockHistory locks;
  locks.end = 20s;
  Tenure& tenure = locks.tenures.emplace_back();
  tenure.owner.process = "a";
  tenure.lock = "x";
  tenure.fencing_token = 3;
  tenure.granted = 2s;
  tenure.announced = 5s;
  for (const LockCall::Kind kind : {LockCall::Kind::acquire, LockCall::Kind::release}) {
    LockCall& call = locks.calls.emplace_back();
    call.kind = kind;
    call.owner.process = "b";
    call.lock = "x";
    call.called = 3s;
  }
  locks.standstills.push_back({"a", 4s, 30s});
  locks.requests.push_back({1s, "a", "PUT /x"});
  History history;
  history.record(6s, "crash", "node2", "");
  Timeline timeline;
  timeline.add(locks);
  timeline.add(history);
  timeline.add(
      FaultPlan{{{1s, 2s, CutProcess{"a", 1}}, {1s, 2s, fake::Fault(fake::Isolate{2})}, {1s, 2s, BadLinks{}}}});
  const std::string text = timeline.as_text();
  EXPECT_THAT(text, AllOf(HasSubstr("a  holds x, token 3 until +20.000000000s"), HasSubstr("a  lost  lost x"),
                          HasSubstr("b  waits for x until +20.000000000s"), HasSubstr("a  paused until +20"),
                          HasSubstr("a  request  PUT /x"), HasSubstr("node2  crash")));
  EXPECT_THAT(text, AllOf(HasSubstr("a  cut process until +3"), HasSubstr("node2  isolate until +3"),
                          HasSubstr("network  bad links")));
  EXPECT_EQ(timeline.spans.size(), 6U) << "a release that takes no time is no wait";
}

}  // namespace
}  // namespace deimos::testkit

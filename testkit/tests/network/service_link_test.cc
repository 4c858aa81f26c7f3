// Processes that call each other over links that are cut, or far.
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "network/service_world.h"

namespace deimos::testkit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(ServiceTest, IsCutOffFromOneProcessOnly) {
  spawn_server();
  simulation.at(500ms, [&] { network().cut("db", "a"); });
  simulation.spawn("b", [](Process& process) {
    process.sleep(1s);
    EXPECT_TRUE(process.call("db", "y", 1s));
  });
  EXPECT_EQ(code_of(call(3s)), errc::outcome_unknown);
  EXPECT_THAT(handled, ElementsAre("b y"));
  network().heal("a", "db");
  simulation.restart("a");
  simulation.run();
  EXPECT_THAT(handled, ElementsAre("b y", "a x"));
}

TEST_F(ServiceTest, IsReachedButNotHeardWhenItsAnswersAreCut) {
  spawn_server();
  simulation.at(500ms, [&] { network().cut("a", "db", Direction::answers); });
  EXPECT_EQ(code_of(call(3s)), errc::outcome_unknown);
  EXPECT_THAT(handled, ElementsAre("a x"));
}

TEST_F(ServiceTest, IsNotReachedWhenRequestsAreCut) {
  spawn_server();
  simulation.at(500ms, [&] { network().cut("a", "db", Direction::requests); });
  EXPECT_EQ(code_of(call(3s)), errc::outcome_unknown);
  EXPECT_TRUE(handled.empty());
}

TEST_F(ServiceTest, OneWayCutsAreOfMessagesNotOfCalls) {
  // "db" cannot send to "a": neither its answers nor its own calls get through.
  spawn_server();
  simulation.at(500ms, [&] { network().cut("db", "a", Direction::requests); });
  EXPECT_EQ(code_of(call(3s)), errc::outcome_unknown);
  EXPECT_THAT(handled, ElementsAre("a x"));
}

TEST_F(ServiceTest, LosesMessagesThatAreOnTheirWayWhenALinkIsCut) {
  spawn_server();
  simulation.at(1s + 15ms, [&] { network().cut("a", "db"); });
  simulation.at(2s, [&] { network().heal(); });
  EXPECT_EQ(code_of(call(3s)), errc::outcome_unknown);
  EXPECT_THAT(handled, ElementsAre("a x"));
  EXPECT_THAT(calls(), testing::Contains("lost db #1 to a: the answer"));
}

TEST_F(ServiceTest, LosesAnAnswerThatIsSentOverACutLinkThoughItIsHealedInTime) {
  spawn_server();
  simulation.at(1s + 5ms, [&] { network().cut("db", "a", Direction::requests); });
  simulation.at(1s + 15ms, [&] { network().heal(); });
  EXPECT_EQ(code_of(call(3s)), errc::outcome_unknown);
  EXPECT_THAT(handled, ElementsAre("a x"));
}

TEST_F(ServiceTest, IsAsFarAsItsLinkSays) {
  spawn_server();
  simulation.at(500ms, [&] { network().set_link("a", "db", {.latency_min = 1s, .latency_max = 1s}); });
  EXPECT_TRUE(call());
  EXPECT_EQ(answered_at, 3s);
}

}  // namespace
}  // namespace deimos::testkit

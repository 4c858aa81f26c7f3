// Hooks: what is done to processes, told to a test.
#include <deimos/testkit/process_event.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include <deimos/testkit/history.h>
#include <deimos/testkit/simulation.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class HookTest : public ::testing::Test {
 protected:
  HookTest() {
    simulation.on_crash([this](const ProcessEvent& event) { add("crash", event); });
    simulation.on_pause([this](const ProcessEvent& event) { add("pause until " + describe_time(event.until), event); });
    simulation.on_resume([this](const ProcessEvent& event) { add("resume", event); });
    simulation.on_restart([this](const ProcessEvent& event) { add("restart", event); });
  }
  void add(const std::string& what, const ProcessEvent& event) {
    EXPECT_EQ(event.at, simulation.elapsed());
    told.push_back(event.process + "/" + std::to_string(event.life) + " " + what);
  }
  void spawn() {
    simulation.spawn("worker", [this](Process& process) {
      for (int i = 0; i < 10; ++i) {
        told.push_back("step at " + describe_time(simulation.elapsed()));
        process.sleep(1s);
      }
    });
  }
  std::vector<std::string> told;
  Simulation simulation{{.seed = 7}};
};

TEST_F(HookTest, IsToldOfACrashBeforeTheNextStepOfAnybody) {
  spawn();
  simulation.at(500ms, [&] {
    EXPECT_TRUE(simulation.running("worker"));
    simulation.crash("worker");
    EXPECT_FALSE(simulation.running("worker"));
    told.push_back("crashed");
    simulation.crash("worker");
  });
  simulation.run_for(5s);
  EXPECT_THAT(told, ElementsAre("step at +0.000000000s", "worker/1 crash", "crashed")) << "once";
}

TEST_F(HookTest, IsToldOfARestartBeforeTheFirstStepOfTheNewLife) {
  spawn();
  simulation.at(500ms, [&] { simulation.restart("worker"); });
  simulation.at(900ms, [&] { simulation.crash("worker"); });
  simulation.at(2s, [&] { simulation.restart("worker"); });
  simulation.run_for(2500ms);
  EXPECT_THAT(told, ElementsAre("step at +0.000000000s", "worker/1 crash", "worker/2 restart", "step at +0.500000000s",
                                "worker/2 crash", "worker/3 restart", "step at +2.000000000s"));
}

TEST_F(HookTest, IsToldOfPausesAndOfTheirEndBeforeTheNextStep) {
  spawn();
  simulation.at(500ms, [&] { simulation.pause("worker", 2s); });
  simulation.at(2s, [&] { simulation.pause("worker", 3s); });
  simulation.at(3s, [&] { simulation.pause("worker", 1s); });
  simulation.run_for(5500ms);
  EXPECT_THAT(told, ElementsAre("step at +0.000000000s", "worker/1 pause until +2.500000000s",
                                "worker/1 pause until +5.000000000s", "worker/1 pause until +5.000000000s",
                                "worker/1 resume", "step at +5.000000000s"));
}

TEST_F(HookTest, IsToldOfACrashInAPauseAndOfNoResume) {
  spawn();
  simulation.at(500ms, [&] { simulation.pause("worker", 2s); });
  simulation.at(1s, [&] { simulation.crash("worker"); });
  simulation.run_for(5s);
  EXPECT_THAT(told, ElementsAre("step at +0.000000000s", "worker/1 pause until +2.500000000s", "worker/1 crash"));
}

TEST_F(HookTest, AreCalledInTheOrderInWhichTheyWereAdded) {
  spawn();
  simulation.on_crash([&](const ProcessEvent&) {
    told.push_back("second");
    simulation.on_crash([&](const ProcessEvent&) { told.push_back("third"); });
  });
  simulation.run_for(500ms);
  simulation.crash("worker");
  EXPECT_THAT(told, ElementsAre("step at +0.000000000s", "worker/1 crash", "second", "third"));
}

TEST_F(HookTest, SeesADiskThatHasLostWhatItLoses) {
  simulation.spawn("worker",
                   [](Process& process) {
                     EXPECT_TRUE(process.disk().write("a", "1"));
                     process.sleep(1h);
                   },
                   {.disk = {.at_crash = UnsyncedLoss::all}});
  std::size_t files = 1;
  simulation.on_crash([&](const ProcessEvent&) { files = simulation.disk("worker").list().value().size(); });
  simulation.at(1s, [&] { simulation.crash("worker"); });
  simulation.run_for(2s);
  EXPECT_EQ(files, 0u);
}

TEST_F(HookTest, MayRestartWhatHasCrashed) {
  spawn();
  simulation.on_crash([&](const ProcessEvent& event) {
    if (event.life < 3) simulation.restart(event.process);
  });
  simulation.run_for(500ms);
  simulation.restart("worker");
  EXPECT_EQ(told.back(), "worker/2 restart") << "once, not by both";
  simulation.run_for(100ms);
  EXPECT_EQ(told.back(), "step at +0.500000000s");
  simulation.crash("worker");
  simulation.crash("worker");
  EXPECT_FALSE(simulation.running("worker"));
}

TEST_F(HookTest, IsCalledForAProcessThatCrashesItself) {
  simulation.spawn("worker", [&](Process& process) {
    simulation.crash("worker");
    told.push_back("its last act");
    process.sleep(0s);
    ADD_FAILURE() << "lives on";
  });
  simulation.run();
  EXPECT_THAT(told, ElementsAre("worker/1 crash", "its last act"));
}

TEST_F(HookTest, MustNotWait) {
  spawn();
  simulation.on_crash([&](const ProcessEvent&) {
    EXPECT_THROW(simulation.observer().sleep(1s), std::logic_error);
    EXPECT_THROW(static_cast<void>(simulation.observer().call("db", "x", 1s)), std::logic_error);
  });
  simulation.at(1s, [&] { simulation.crash("worker"); });
  simulation.run_for(2s);
}

TEST_F(HookTest, IsNotCalledForTheEndOfTheSimulation) {
  int crashes = 0;
  {
    Simulation other({.seed = 1});
    other.on_crash([&](const ProcessEvent&) { ++crashes; });
    other.spawn("worker", [](Process& process) { process.sleep(1h); });
    other.run_for(1s);
  }
  EXPECT_EQ(crashes, 0);
}

TEST_F(HookTest, MustBeCallable) {
  EXPECT_THROW(simulation.on_crash(nullptr), std::invalid_argument);
  EXPECT_THROW(simulation.on_resume(nullptr), std::invalid_argument);
}

}  // namespace
}  // namespace deimos::testkit

// A test's own model of who is writing. It has to be told what a process's code cannot tell, or it raises false alarms:
// of a process that crashed and never said that it has stopped, and of one that is paused. The lock may be another's by
// then, rightly: a paused process does nothing, and it is no violation before its next step, in which it learns that it
// has lost the lock, or does harm.
#include <set>

#include "scenario.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

class WorldModel : public ScenarioTest {
 protected:
  /// A step of a process, which says whether it writes.
  void step(const std::string& process, bool writes) {
    if (writes) {
      writing_.insert(process);
    } else {
      writing_.erase(process);
    }
    if (writing_.size() > 1) ++alarms_;
  }
  /// Takes a step each second as long as it holds the lock, for `steps` of them.
  void spawn_writer(const std::string& name, Duration start, int steps) {
    spawn(name, {1, 2, 3}, [this, name, start, steps](Process& process) {
      process.sleep(start);
      const auto hold = acquire(process).value();
      for (int i = 0; i < steps && hold.is_held(); ++i) {
        step(name, true);
        ++steps_[name];
        process.sleep(1s);
      }
      step(name, false);
    });
  }
  void run() {
    spawn_writer("holder", 0s, 60);
    spawn_writer("heir", 1s, 200);
    simulation.run();
    EXPECT_EQ(steps_["heir"], 200) << "it had the lock after the holder";
  }

  std::set<std::string> writing_;
  std::map<std::string, int> steps_;
  int alarms_ = 0;
};

TEST_F(WorldModel, RaisesAFalseAlarmOfAHolderThatCrashed) {
  simulation.at(5s, [&] { simulation.crash("holder"); });
  run();
  EXPECT_GT(alarms_, 0);
}

TEST_F(WorldModel, ThatIsToldOfTheCrashRaisesNone) {
  simulation.on_crash([&](const ProcessEvent& event) { step(event.process, false); });
  simulation.at(5s, [&] { simulation.crash("holder"); });
  run();
  EXPECT_EQ(alarms_, 0);
}

TEST_F(WorldModel, RaisesAFalseAlarmOfAHolderThatIsPaused) {
  simulation.at(5s + 500ms, [&] { simulation.pause("holder", 2min); });
  run();
  EXPECT_GT(alarms_, 0);
  EXPECT_EQ(steps_["holder"], 6) << "it did nothing wrong";
}

TEST_F(WorldModel, ThatIsToldOfThePauseRaisesNone) {
  simulation.on_pause([&](const ProcessEvent& event) { step(event.process, false); });
  simulation.at(5s + 500ms, [&] { simulation.pause("holder", 2min); });
  run();
  EXPECT_EQ(alarms_, 0);
}

TEST_F(WorldModel, ThatTakesWhatAProcessBelievedForWhatItDoesRaisesOneAtTheEndOfItsPause) {
  simulation.on_pause([&](const ProcessEvent& event) { step(event.process, false); });
  simulation.on_resume([&](const ProcessEvent& event) { step(event.process, true); });
  simulation.at(5s + 500ms, [&] { simulation.pause("holder", 2min); });
  run();
  EXPECT_GT(alarms_, 0) << "it has not taken its next step";
}

TEST_F(WorldModel, StillFindsAHolderThatGoesOnWithoutLooking) {
  simulation.on_pause([&](const ProcessEvent& event) { step(event.process, false); });
  simulation.at(5s + 500ms, [&] { simulation.pause("holder", 2min); });
  spawn("holder", {1, 2, 3}, [&](Process& process) {
    const auto hold = acquire(process).value();
    for (int i = 0; i < 10; ++i) {  // Whether it holds the lock or not.
      step("holder", true);
      process.sleep(1s);
    }
    step("holder", false);
  });
  spawn_writer("heir", 1s, 200);
  simulation.run();
  EXPECT_GT(alarms_, 0);
}

}  // namespace
}  // namespace deimos::testkit

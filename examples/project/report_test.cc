// The service, as it is, in two simulated processes, while the network and the cluster fail around it.
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <deimos/testkit/gtest.h>

#include "report.h"

using namespace std::chrono_literals;
using namespace deimos::testkit;

struct ReportTest : SimulationTest {
  ReportTest() : SimulationTest({.nodes = 3}) {}

  void spawn(const std::string& name) {
    simulation.spawn(name, [this](Process& process) { write_report(process.locks(), process.runtime(), report); });
  }

  int lines = 0;
  Report report{.append =
                    [this](int line) {
                      if (line != ++lines) throw std::logic_error("line " + std::to_string(line) + " is there already");
                    },
                .written = [this] { return lines; }};
};

TEST_F(ReportTest, IsWrittenOnceThoughTheHolderIsCutOff) {
  spawn("a");
  spawn("b");
  simulation.run_for(10s);
  const std::string holder = simulation.observer().locks().info("report").value()->owner;
  for (const int node : {1, 2, 3}) simulation.network().cut(holder, node);
  simulation.at(5min, [&] { simulation.network().heal(); });
  simulation.run();
  EXPECT_EQ(lines, report.lines);
}

TEST_F(ReportTest, IsWrittenOnceThoughANodeCrashes) {
  spawn("a");
  spawn("b");
  simulation.run_for(10s);
  simulation.cluster().crash(1);
  simulation.run();
  EXPECT_EQ(lines, report.lines);
}

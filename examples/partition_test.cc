// A service tested through a partition: whichever instance holds the lock goes on with the nightly report.
#include <deimos/testkit/gtest.h>

using namespace std::chrono_literals;
using namespace deimos::testkit;

struct Report {
  int lines = 0;
  void append(int line) {
    if (line != ++lines) throw std::logic_error("two instances wrote line " + std::to_string(line));
  }
};

void write_report(Process& process, Report& report) {
  while (report.lines < 1000) {
    const deimos::Hold hold = process.locks().mutex("report").acquire().value();
    while (hold.is_held() && report.lines < 1000) {
      const int line = report.lines + 1;
      process.sleep(100ms);  // Work, in steps well below the margin of the lease: 0.8 s of its 30 s.
      report.append(line);
    }
  }
}

struct NightlyReport : SimulationTest {
  NightlyReport() : SimulationTest({.nodes = 3}) {}
};

TEST_F(NightlyReport, IsWrittenByOneInstanceAtATime) {
  Report report;
  for (const char* name : {"a", "b"}) simulation.spawn(name, [&](Process& p) { write_report(p, report); });
  simulation.run_for(10s);
  const std::string holder = simulation.observer().locks().info("report").value()->owner;
  simulation.cluster().isolate(1);  // The leader, and on its side the instance that is at work.
  for (const int node : {2, 3}) simulation.network().cut(holder, node);
  simulation.at(5min, [&] { simulation.network().heal(); });
  simulation.run();
  EXPECT_EQ(report.lines, 1000);
}

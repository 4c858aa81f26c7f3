#include "report.h"

#include <chrono>

void write_report(deimos::LockManager& locks, deimos::Runtime& runtime, const Report& report) {
  using namespace std::chrono_literals;
  while (report.written() < report.lines) {
    const deimos::Hold hold = locks.mutex("report").acquire().value();
    while (hold.is_held() && report.written() < report.lines) {
      const int line = report.written() + 1;
      runtime.sleep_for(100ms);  // Work, in steps well below the margin of the lease: 0.8 s of its 30 s.
      report.append(line);
    }
  }
}

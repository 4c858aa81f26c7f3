#include "scheduler/task_table.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include <deimos/testkit/scheduler.h>

#include "scheduler/fiber.h"

namespace deimos::testkit {
namespace {

constexpr std::size_t columns = 5;
using Row = std::array<std::string, columns>;

Row row_of(const Fiber& fiber) {
  Row row{fiber.name, fiber.group.name, "", describe_time(fiber.waits_since - Scheduler::start), ""};
  if (fiber.state == Fiber::State::runnable) row[2] = fiber.group.paused ? "(process is paused) " : "(could run) ";
  if (fiber.group.killed) row[2] += "(killed) ";
  if (fiber.waits_for != nullptr) {
    row[2] += fiber.waits_for->describe();
    row[4] = fiber.waits_until == TimePoint::max() ? "for ever" : describe_time(fiber.waits_until - Scheduler::start);
  }
  return row;
}

}  // namespace

std::string task_table(const std::vector<const Fiber*>& fibers) {
  std::vector<Row> rows{Row{"task", "process", "waits for", "since", "until"}};
  for (const Fiber* fiber : fibers) rows.push_back(row_of(*fiber));
  std::array<std::size_t, columns> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < columns; ++i) {
      line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += "  " + line + "\n";
  }
  return text;
}

}  // namespace deimos::testkit

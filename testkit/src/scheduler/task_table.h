// What a deadlock report shows of the tasks.
#pragma once

#include <string>
#include <vector>

namespace deimos::testkit {

class Fiber;

/// A line for each: name, process, what it waits for, since when, until when.
[[nodiscard]] std::string task_table(const std::vector<const Fiber*>& fibers);

}  // namespace deimos::testkit

// What went wrong in many runs together, and what came of it: a test in which nothing goes wrong shows nothing.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "locks/lock_run.h"

namespace deimos::testkit {

class Coverage {
 public:
  void add(const LockRun& run, const LockRunResult& result);

  /// A line for each kind of fault, action, outcome and failed call.
  [[nodiscard]] std::string describe() const;
  /// What never happened of that which ought to, joined: kinds of fault that were not drawn, rules that did nothing,
  /// and what should come of all that. Empty if there is nothing.
  [[nodiscard]] std::string missing() const;

 private:
  using Counts = std::map<std::string, std::uint64_t>;

  std::uint64_t runs_ = 0;
  Duration simulated_ = {};
  Counts drawn_;     ///< Episodes, by kind of fault.
  Counts acted_;     ///< Requests on which rules acted, by action.
  Counts happened_;  ///< What became of locks.
  Counts failed_;    ///< Calls of the store that failed, by message.
};

}  // namespace deimos::testkit

// Whether clients could have seen what they saw if each operation had taken effect at one instant between its call and
// its return (Herlihy and Wing, 1990).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <deimos/internal/export.h>
#include <deimos/testkit/operation_history.h>

namespace deimos::testkit {

/// Limits of a check, for all keys together.
struct SearchBudget {
  std::uint64_t steps = 20'000'000;                  ///< Operations tried.
  std::size_t memory_bytes = std::size_t{1} << 29U;  ///< For remembering what was tried.
  /// Asked now and then; true ends the search. For a limit of real time.
  std::function<bool()> stop = {};
};

struct DEIMOS_EXPORT Linearizability {
  enum class Answer {
    linearizable,
    violated,
    unknown,  ///< The budget was used up.
  };
  Answer answer = Answer::linearizable;
  std::string key;                 ///< Whose operations are at fault, or were too many.
  std::vector<Operation> longest;  ///< If violated: the longest order found that explains a beginning of the history.
  Operation stuck;                 ///< If violated: the operation that returned before any order could place it.
  std::uint64_t steps = 0;
  std::size_t operations = 0;  ///< How many were checked.

  /// The answer in words, with the end of `longest` and what is stuck.
  [[nodiscard]] std::string describe() const;
};

/// Checks each key alone as a register with compare-and-swap that does not exist at first; linearizability is local, so
/// that suffices. The search is that of Wing and Gong with Lowe's memory of states; operations of unknown outcome are
/// placed only where another operation sees them.
[[nodiscard]] DEIMOS_EXPORT Linearizability check_linearizability(const OperationHistory& history,
                                                                  const SearchBudget& budget = {});

}  // namespace deimos::testkit

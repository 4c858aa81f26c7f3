// The table of mutants in testkit/README.md.
#pragma once

#include <string>
#include <vector>

#include "mutants/search.h"

namespace deimos::testkit::mutants {

/// What the table promises of a mutant. Figures are rounded up to 1, 2, 5, 10, …: they are bounds, so that they hold
/// when something else changes a little.
struct Row {
  std::string id;
  std::uint64_t seeds = 0;
  std::uint64_t size = 0;  ///< Faults and steps after shrinking.
};

/// One line of the table.
[[nodiscard]] std::string line_of(const Mutant& mutant, const Found& found);
/// The rows that `page` has.
[[nodiscard]] std::vector<Row> rows_of(const std::string& page);
/// Whether `page` has a line for `mutant` that says of it what the catalogue says.
[[nodiscard]] bool describes(const std::string& page, const Mutant& mutant);
/// `page` with `lines` for its table.
[[nodiscard]] std::string with_table(const std::string& page, const std::vector<std::string>& lines);

}  // namespace deimos::testkit::mutants

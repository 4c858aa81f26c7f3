#include "mutants/table.h"

#include <sstream>
#include <stdexcept>

namespace deimos::testkit::mutants {
namespace {

constexpr const char* heading =
    "| hazard | what is broken | as in | found by | seeds | size |\n|---|---|---|---|---|---|\n";

std::uint64_t rounded_up(std::uint64_t number) {
  for (std::uint64_t scale = 1;; scale *= 10) {
    for (const std::uint64_t step : {1U, 2U, 5U}) {
      if (number <= step * scale) return step * scale;
    }
  }
}

/// What does not depend on how it was found.
std::string begin_of(const Mutant& mutant) {
  return "| " + mutant.id + " | " + mutant.broken + " | " + mutant.as_in + " | " + oracle_of(mutant.found_by) + " | ";
}

}  // namespace

std::string line_of(const Mutant& mutant, const Found& found) {
  return begin_of(mutant) + std::to_string(rounded_up(found.runs)) + " | " +
         std::to_string(rounded_up(found.faults + found.steps)) + " |\n";
}

std::vector<Row> rows_of(const std::string& page) {
  std::vector<Row> rows;
  const std::size_t begin = page.find(heading);
  if (begin == std::string::npos) return rows;
  std::istringstream lines(page.substr(begin + std::string(heading).size()));
  for (std::string line; std::getline(lines, line) && line.starts_with("| ");) {
    std::vector<std::string> cells;
    std::istringstream rest(line.substr(1));
    for (std::string cell; std::getline(rest, cell, '|');) cells.push_back(cell.substr(1, cell.size() - 2));
    if (cells.size() != 6) throw std::runtime_error("the table of mutants has a strange line: " + line);
    rows.push_back({cells[0], std::stoull(cells[4]), std::stoull(cells[5])});
  }
  return rows;
}

bool describes(const std::string& page, const Mutant& mutant) {
  return page.find("\n" + begin_of(mutant)) != std::string::npos;
}

std::string with_table(const std::string& page, const std::vector<std::string>& lines) {
  const std::size_t begin = page.find(heading);
  if (begin == std::string::npos) throw std::runtime_error("there is no table of mutants: no line with its heading");
  std::size_t end = begin + std::string(heading).size();
  while (page.compare(end, 2, "| ") == 0) end = page.find('\n', end) + 1;
  std::string table = heading;
  for (const std::string& line : lines) table += line;
  return page.substr(0, begin) + table + page.substr(end);
}

}  // namespace deimos::testkit::mutants

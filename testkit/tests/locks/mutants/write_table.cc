// testkit_mutants_table [--policy in_order|random|pct] [--depth N] [--only ID] [README.md]: looks for every mutant,
// prints how each is found, and writes the table into the page.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "mutants/table.h"

namespace {

using namespace deimos::testkit;

struct Arguments {
  SchedulingPolicy policy;
  std::string page;
  std::string only;  // Begin of the id; empty: all.
};

Arguments parse(int count, char** given) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string argument = given[i];
    if (argument == "--policy" && i + 1 < count) {
      const std::string kind = given[++i];
      if (kind == "random") arguments.policy.kind = SchedulingPolicy::Kind::random;
      if (kind == "pct") arguments.policy.kind = SchedulingPolicy::Kind::pct;
    } else if (argument == "--only" && i + 1 < count) {
      arguments.only = given[++i];
    } else if (argument == "--depth" && i + 1 < count) {
      arguments.policy.depth = std::stoi(given[++i]);
    } else {
      arguments.page = argument;
    }
  }
  return arguments;
}

}  // namespace

int main(int count, char** given) {
  const Arguments arguments = parse(count, given);
  std::vector<std::string> lines;
  std::vector<std::uint64_t> seeds;
  int missed = 0;
  for (const mutants::Mutant& mutant : mutants::catalogue()) {
    if (!mutant.id.starts_with(arguments.only)) continue;
    const auto begin = std::chrono::steady_clock::now();
    auto found = mutants::find(mutant, 1000, arguments.policy);
    if (found && !arguments.page.empty()) mutants::make_small(mutant, *found, arguments.policy);
    if (found) {
      const std::string wrong = mutants::wrong_with_the_real_client(mutant, found->seed, arguments.policy);
      if (!wrong.empty()) std::printf("THE REAL CLIENT FAILS\n%s\n", wrong.c_str());
      missed += wrong.empty() ? 0 : 1;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    seeds.push_back(found ? found->seed : 1001);
    if (found) {
      lines.push_back(mutants::line_of(mutant, *found));
      std::printf("%s", lines.back().c_str());
    }
    missed += found ? 0 : 1;
    std::printf("%-4s %-30s %5s %5llu seeds %3zu faults %3zu steps %6.1f s\n", mutant.id.c_str(), mutant.name.c_str(),
                mutants::oracle_of(mutant.found_by).c_str(), static_cast<unsigned long long>(seeds.back()),
                found ? found->faults : 0, found ? found->steps : 0, took.count());
    std::fflush(stdout);
  }
  std::ranges::sort(seeds);
  std::uint64_t sum = 0;
  for (const std::uint64_t needed : seeds) sum += needed;
  std::printf("%zu mutants, %d not found; seeds: median %llu, sum %llu, most %llu\n", seeds.size(), missed,
              static_cast<unsigned long long>(seeds[seeds.size() / 2]), static_cast<unsigned long long>(sum),
              static_cast<unsigned long long>(seeds.back()));
  if (arguments.page.empty() || !arguments.only.empty() || missed > 0) return missed > 0 ? 1 : 0;
  std::stringstream page;
  page << std::ifstream(arguments.page).rdbuf();
  const std::string written = mutants::with_table(page.str(), lines);
  std::ofstream(arguments.page) << written;
  return 0;
}
